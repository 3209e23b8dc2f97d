"""A random secret in the jobs' table that all sandboxes share: the first that needs it makes it."""

from __future__ import annotations

import secrets
from contextlib import suppress
from typing import Any

from common.aws.clients import Clients
from common.aws.errors import AwsRefusal, translate_errors


def read_shared_secret(clients: Clients, table: str, name: str) -> bytes:
    """32 random bytes, the same ever after. Raises Busy, StorageBroken."""
    key = {"pk": {"S": f"secret#{name}"}, "sk": {"S": "secret"}}
    with translate_errors():
        dynamodb = clients.client("dynamodb")
        for _ in range(2):
            answer = dynamodb.get_item(TableName=table, Key=key, ConsistentRead=True)
            if "Item" in answer:
                return bytes(answer["Item"]["value"]["B"])
            _create(dynamodb, table, {**key, "value": {"B": secrets.token_bytes(32)}})
    raise AssertionError("the secret exists once this sandbox or another has created it")


def _create(dynamodb: Any, table: str, item: dict[str, object]) -> None:
    with suppress(AwsRefusal), translate_errors():  # another sandbox was faster
        dynamodb.put_item(TableName=table, Item=item, ConditionExpression="attribute_not_exists(pk)")
