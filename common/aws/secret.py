"""A secret that all sandboxes share, made by whoever needs it first."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from common.aws.failures import Denied, told

if TYPE_CHECKING:
    from common.aws.clients import Clients


def read_secret(clients: Clients, table: str, name: str) -> bytes:
    """32 random bytes, the same ever after. Raises Busy, StorageBroken."""
    key = {"pk": {"S": f"secret#{name}"}, "sk": {"S": "secret"}}
    with told():
        dynamodb = clients.client("dynamodb")
        for _ in range(2):
            found = dynamodb.get_item(TableName=table, Key=key, ConsistentRead=True)
            if "Item" in found:
                return bytes(found["Item"]["value"]["B"])
            _make(dynamodb, table, {**key, "value": {"B": secrets.token_bytes(32)}})
    raise AssertionError("a secret that was made is there")


def _make(dynamodb: object, table: str, item: dict[str, object]) -> None:
    from contextlib import suppress

    with suppress(Denied), told():  # another sandbox was faster
        dynamodb.put_item(  # type: ignore[attr-defined]
            TableName=table, Item=item, ConditionExpression="attribute_not_exists(pk)"
        )
