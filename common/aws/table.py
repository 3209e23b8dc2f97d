"""One DynamoDB table: items as plain dictionaries, every call off the event loop, collisions tried again.

https://docs.aws.amazon.com/amazondynamodb/latest/APIReference
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from common.aws.clients import Clients
from common.aws.failures import Denied, named
from common.backoff import Backoff, doubling
from common.errors import Busy, StorageBroken

T = TypeVar("T")
Value = str | float | bool | bytes
Item = dict[str, Any]
Key = tuple[str, str]

# Two writes to one item at the same moment: DynamoDB refuses one of them, which only has to ask again.
_COLLISIONS = 12
COLLISION = Backoff(doubling(0.005, 0.25), spread=1.0)


class ConditionFailed(Exception):
    """What a write asked for does not hold; `parts` are the places of a transaction that refused."""

    def __init__(self, parts: tuple[int, ...] = (0,)) -> None:
        super().__init__(parts)
        self.parts = parts


@dataclass(frozen=True, slots=True)
class Change:
    """One update of one item: DynamoDB's expressions with their names (`#x`) and values (`:x`)."""

    key: Key
    expression: str
    condition: str
    values: Mapping[str, Value]
    names: Mapping[str, str]


class Table:
    """`name` may be None where nothing will be asked of it. Calls raise Busy, StorageBroken."""

    def __init__(self, clients: Clients, name: str | None) -> None:
        self._clients = clients
        self._name = name

    async def get(self, key: Key) -> Item | None:
        """The item as it is now, whoever wrote it last."""
        answer = await self._call("get_item", Key=_key(key), ConsistentRead=True)
        return plain(answer["Item"]) if "Item" in answer else None

    async def get_all(self, keys: Sequence[Key]) -> list[Item]:
        """Those of up to 100 items that exist, in any order."""
        if not keys:
            return []
        wanted: Any = {self.name: {"Keys": [_key(key) for key in keys], "ConsistentRead": True}}
        found: list[Item] = []
        while wanted:
            answer = await self._call(
                "batch_get_item", table=False, RequestItems=wanted, ReturnConsumedCapacity="NONE"
            )
            found += [plain(item) for item in answer["Responses"].get(self.name, ())]
            wanted = answer.get("UnprocessedKeys")
        return found

    async def begins(self, pk: str, prefix: str = "") -> list[Item]:
        """All items of `pk` whose sort key begins so, in its order."""
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
        names: Mapping[str, str] | None = None,
        only: str | None = None,
    ) -> list[Item]:
        """Every page of it, up to `limit` items; `only` names attributes, separated by commas."""
        asked: dict[str, Any] = {
            "KeyConditionExpression": condition,
            "ExpressionAttributeValues": wired(values),
            **({"ConsistentRead": True} if consistent else {}),
            **({"IndexName": index} if index else {}),
            **({"Limit": limit} if limit else {}),
            **({"ExpressionAttributeNames": dict(names)} if names else {}),
            **({"ProjectionExpression": only} if only else {}),
        }
        found: list[Item] = []
        while True:
            answer = await self._call("query", **asked)
            found += [plain(item) for item in answer["Items"]]
            if "LastEvaluatedKey" not in answer or (limit and len(found) >= limit):
                return found[:limit]
            asked["ExclusiveStartKey"] = answer["LastEvaluatedKey"]

    async def change(self, change: Change) -> Item:
        """Update one item and answer what it is then. Raises ConditionFailed."""
        answer = await self._call("update_item", **_update(change), ReturnValues="ALL_NEW")
        return plain(answer["Attributes"])

    async def put(self, item: Item, *, condition: str | None = None, values: Item | None = None) -> None:
        """Raises ConditionFailed."""
        await self._call("put_item", **_put(item, condition, values))

    async def delete(self, keys: Iterable[Key]) -> None:
        """Harmless for what is not there."""
        rest = [{"DeleteRequest": {"Key": _key(key)}} for key in keys]
        while rest:
            batch, rest = rest[:25], rest[25:]
            answer = await self._call("batch_write_item", table=False, RequestItems={self.name: batch})
            rest += answer.get("UnprocessedItems", {}).get(self.name, [])

    async def write(self, *actions: Mapping[str, Any]) -> None:
        """All of it or nothing. Raises ConditionFailed with the places in `actions` that refused."""
        whole = [
            {kind: {"TableName": self.name, **what}} for action in actions for kind, what in action.items()
        ]
        await self._call("transact_write_items", table=False, TransactItems=whole)

    @property
    def name(self) -> str:
        return named(self._name, "JOBS_TABLE")

    async def _call(self, operation: str, *, table: bool = True, **asked: Any) -> Any:
        if table:
            asked["TableName"] = self.name

        async def once() -> Any:
            return await self._clients.call("dynamodb", lambda client: getattr(client, operation)(**asked))

        return await _past_collisions(once)


async def _past_collisions(call: Callable[[], Awaitable[T]]) -> T:
    for attempt in range(_COLLISIONS):
        try:
            return await call()
        except Denied as denied:
            parts = tuple(n for n, reason in enumerate(denied.reasons) if reason == "ConditionalCheckFailed")
            if parts or denied.code == "ConditionalCheckFailedException":
                raise ConditionFailed(parts or (0,)) from denied
            if "TransactionConflict" not in (*denied.reasons, denied.code.removesuffix("Exception")):
                raise StorageBroken from denied
        await asyncio.sleep(COLLISION.pause(attempt + 1, random.random()))  # noqa: S311 - guards nothing
    raise Busy(retry_after=1)


# ── the parts of a transaction ────────────────────────────────────────────────────────────────────


def putting(item: Item, *, condition: str | None = None, values: Item | None = None) -> dict[str, Any]:
    return {"Put": _put(item, condition, values)}


def changing(change: Change) -> dict[str, Any]:
    return {"Update": _update(change)}


def requiring(key: Key, condition: str, values: Item) -> dict[str, Any]:
    return {
        "ConditionCheck": {
            "Key": _key(key),
            "ConditionExpression": condition,
            "ExpressionAttributeValues": wired(values),
        }
    }


def _put(item: Item, condition: str | None, values: Item | None) -> dict[str, Any]:
    return {
        "Item": wired(item),
        **({"ConditionExpression": condition} if condition else {}),
        **({"ExpressionAttributeValues": wired(values)} if values else {}),
    }


def _update(change: Change) -> dict[str, Any]:
    return {
        "Key": _key(change.key),
        "UpdateExpression": change.expression,
        "ConditionExpression": change.condition,
        **({"ExpressionAttributeValues": wired(change.values)} if change.values else {}),
        **({"ExpressionAttributeNames": dict(change.names)} if change.names else {}),
    }


# ── the wire ──────────────────────────────────────────────────────────────────────────────────────


def wired(item: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Attributes as DynamoDB writes them; None is no attribute."""
    return {name: _wired(value) for name, value in item.items() if value is not None}


def _wired(value: Value) -> dict[str, Any]:
    match value:
        case bool():
            return {"BOOL": value}
        case int() | float():
            return {"N": repr(value)}  # 17 digits at most, so that every float comes back the same
        case bytes():
            return {"B": value}
        case _:
            return {"S": value}


def plain(item: Mapping[str, Mapping[str, Any]]) -> Item:
    return {name: _plain(*value.items()) for name, value in item.items()}


def _plain(told: tuple[str, Any]) -> Any:
    kind, value = told
    if kind != "N":
        return value
    return int(value) if value.lstrip("-").isdigit() else float(value)


def _key(key: Key) -> dict[str, dict[str, str]]:
    return {"pk": {"S": key[0]}, "sk": {"S": key[1]}}
