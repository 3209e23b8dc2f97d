"""`AccountStore` in the jobs' table: one item an account, written only over the version that was read."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from typing import Generic, TypeVar

from common.aws.table import COLLISION, ConditionFailed, Table
from common.aws.table_requests import Item, Key
from common.errors import Busy
from common.token_bucket import Account

A = TypeVar("A", bound=Account)
T = TypeVar("T")

_TRIES = 60


class DynamoAccount(Generic[A]):
    """The account called `name`; `start` is it before anything was taken, with the limits of the settings.

    Limits that the settings changed since hold at once; what was used stays used. DynamoDB removes it where
    it did not change for `keeps` seconds.
    """

    def __init__(self, table: Table, *, name: str, start: A, keeps: float | None = None) -> None:
        self._keeps = keeps
        self._table = table
        self._key: Key = (f"quota#{name}", "quota")
        self._start = start

    async def change(self, decide: Callable[[A], tuple[A, T]]) -> T:
        for attempt in range(_TRIES):
            item = await self._table.get(self._key)
            before = self._start.resume(item["document"]) if item else self._start
            after, answer = decide(before)
            if after == before or await self._write(after, item):
                return answer
            await asyncio.sleep(COLLISION.pause(attempt + 1, random.random()))  # noqa: S311 - guards nothing
        raise Busy(retry_after=1)

    async def read(self) -> A:
        item = await self._table.get(self._key)
        return self._start.resume(item["document"]) if item else self._start

    async def _write(self, account: A, over: Item | None) -> bool:
        """False where somebody else has written since `over` was read."""
        version = over["version"] if over else 0
        pk, sk = self._key
        item = {
            "pk": pk,
            "sk": sk,
            "document": account.model_dump_json(by_alias=True),
            "version": version + 1,
            "ttl": None if self._keeps is None else int(account.at + self._keeps),
        }
        condition = "version = :version" if over else "attribute_not_exists(pk)"
        try:
            await self._table.put(item, condition=condition, values={":version": version} if over else None)
        except ConditionFailed:
            return False
        return True
