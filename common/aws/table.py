"""One DynamoDB table: items as plain dictionaries, every call off the event loop, conflicts tried again.

https://docs.aws.amazon.com/amazondynamodb/latest/APIReference
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from common.aws.clients import Clients
from common.aws.errors import AwsRefusal, require_name
from common.aws.table_requests import (
    Item,
    Key,
    Update,
    Value,
    from_wire,
    put_of,
    to_wire,
    update_of,
    wire_key,
)
from common.backoff import Backoff, doubling
from common.errors import Busy, StorageBroken

T = TypeVar("T")

# Of two writes to one item at the same moment DynamoDB refuses one, which only has to be sent again.
_CONFLICT_TRIES = 12
COLLISION = Backoff(doubling(0.005, 0.25), spread=1.0)


class ConditionFailed(Exception):
    """The condition of a write does not hold; `parts` are the places of a transaction whose do not."""

    def __init__(self, parts: tuple[int, ...] = (0,)) -> None:
        super().__init__(parts)
        self.parts = parts


class Table:
    """`name` may be None where nothing is asked of it. Calls raise Busy, StorageBroken."""

    def __init__(self, clients: Clients, name: str | None) -> None:
        self._clients = clients
        self._name = name

    async def get(self, key: Key) -> Item | None:
        """The item with the last write of every process."""
        answer = await self._call("get_item", Key=wire_key(key), ConsistentRead=True)
        return from_wire(answer["Item"]) if "Item" in answer else None

    async def _get_batch(self, keys: Sequence[Key]) -> list[Item]:
        """Those of up to 100 items that exist, in any order."""
        if not keys:
            return []
        rest: Any = {self.name: {"Keys": [wire_key(key) for key in keys], "ConsistentRead": True}}
        items: list[Item] = []
        while rest:
            answer = await self._call(
                "batch_get_item", names_table=False, RequestItems=rest, ReturnConsumedCapacity="NONE"
            )
            items += [from_wire(item) for item in answer["Responses"].get(self.name, ())]
            rest = answer.get("UnprocessedKeys")
        return items

    async def read_again(self, index_items: Sequence[Item]) -> list[Item]:
        """The items that an index returned, as they are now."""
        keys = list(dict.fromkeys((item["pk"], item["sk"]) for item in index_items))
        batches = [keys[first : first + 100] for first in range(0, len(keys), 100)]
        answers = await asyncio.gather(*(self._get_batch(batch) for batch in batches))
        return [item for items in answers for item in items]

    async def query_partition(self, pk: str, *, prefix: str = "") -> list[Item]:
        """The items of one partition whose sort key begins with `prefix`, in its order."""
        condition = "pk = :pk AND begins_with(sk, :sk)" if prefix else "pk = :pk"
        values = {":pk": pk, ":sk": prefix} if prefix else {":pk": pk}
        return await self.query(condition, values, consistent=True)

    async def query(
        self,
        condition: str,
        values: Mapping[str, Value],
        *,
        index: str | None = None,
        limit: int | None = None,
        consistent: bool = False,
        newest_first: bool = False,
        only: str | None = None,
    ) -> list[Item]:
        """Every page of it, up to `limit` items; `only` names attributes, separated by commas.

        `newest_first`: from the last sort key to the first.
        """
        parameters: dict[str, Any] = {
            "KeyConditionExpression": condition,
            "ExpressionAttributeValues": to_wire(values),
            **({"ConsistentRead": True} if consistent else {}),
            **({"ScanIndexForward": False} if newest_first else {}),
            **({"IndexName": index} if index else {}),
            **({"Limit": limit} if limit else {}),
            **({"ProjectionExpression": only} if only else {}),
        }
        items: list[Item] = []
        while True:
            answer = await self._call("query", **parameters)
            items += [from_wire(item) for item in answer["Items"]]
            if "LastEvaluatedKey" not in answer or (limit and len(items) >= limit):
                return items[:limit]
            parameters["ExclusiveStartKey"] = answer["LastEvaluatedKey"]

    async def update(self, update: Update) -> Item:
        """Update one item and return what it is then. Raises ConditionFailed."""
        answer = await self._call("update_item", **update_of(update), ReturnValues="ALL_NEW")
        return from_wire(answer["Attributes"])

    async def put(self, item: Item, *, condition: str | None = None, values: Item | None = None) -> None:
        """Raises ConditionFailed."""
        await self._call("put_item", **put_of(item, condition, values))

    async def delete(self, keys: Iterable[Key]) -> None:
        """Harmless for what is not there."""
        rest = [{"DeleteRequest": {"Key": wire_key(key)}} for key in keys]
        while rest:
            batch, rest = rest[:25], rest[25:]
            answer = await self._call("batch_write_item", names_table=False, RequestItems={self.name: batch})
            rest += answer.get("UnprocessedItems", {}).get(self.name, [])

    async def write(self, *actions: Mapping[str, Any]) -> None:
        """All actions or none. Raises ConditionFailed with the places of those whose condition failed."""
        items = [
            {kind: {"TableName": self.name, **parameters}}
            for action in actions
            for kind, parameters in action.items()
        ]
        await self._call("transact_write_items", names_table=False, TransactItems=items)

    @property
    def name(self) -> str:
        return require_name(self._name, "JOBS_TABLE")

    async def _call(self, operation: str, *, names_table: bool = True, **parameters: Any) -> Any:
        if names_table:
            parameters["TableName"] = self.name

        async def once() -> Any:
            return await self._clients.call(
                "dynamodb", lambda client: getattr(client, operation)(**parameters)
            )

        return await _retry_conflicts(once)


async def _retry_conflicts(call: Callable[[], Awaitable[T]]) -> T:
    for attempt in range(_CONFLICT_TRIES):
        try:
            return await call()
        except AwsRefusal as refusal:
            _raise_unless_conflict(refusal)
        await asyncio.sleep(COLLISION.pause(attempt + 1, random.random()))  # noqa: S311 - guards nothing
    raise Busy(retry_after=1)


def _raise_unless_conflict(refusal: AwsRefusal) -> None:
    parts = tuple(n for n, reason in enumerate(refusal.reasons) if reason == "ConditionalCheckFailed")
    if parts or refusal.code == "ConditionalCheckFailedException":
        raise ConditionFailed(parts or (0,)) from refusal
    if "TransactionConflict" not in (*refusal.reasons, refusal.code.removesuffix("Exception")):
        raise StorageBroken from refusal
