"""`QuotaStore` in the jobs' table: one item per account, written only over the value it was read as."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from typing import TypeVar

from common.aws.table import ConditionFailed, Table
from common.aws.table_requests import Item, Key
from common.errors import Busy
from common.quota import Quota, resumed

T = TypeVar("T")

_TRIES = 60
_LONGEST_PAUSE = 0.5


class DynamoQuota:
    """The account of `model`; `start` is it before anything was asked, with the limits of the settings.

    Limits that changed in the settings since hold at once; what was used stays used.
    """

    def __init__(self, table: Table, *, model: str, start: Quota) -> None:
        self._table = table
        self._key: Key = (f"quota#{model}", "quota")
        self._start = start

    async def change(self, decide: Callable[[Quota], tuple[Quota, T]]) -> T:
        for attempt in range(_TRIES):
            item = await self._table.get(self._key)
            before = resumed(item["document"], self._start) if item else self._start
            after, answer = decide(before)
            if after == before or await self._kept(after, item):
                return answer
            pause = min(_LONGEST_PAUSE, 0.01 * 2**attempt)
            await asyncio.sleep(pause * random.random())  # noqa: S311 - spreads collisions, guards nothing
        raise Busy(retry_after=1)

    async def _kept(self, after: Quota, item: Item | None) -> bool:
        """False when somebody else was faster."""
        version = item["version"] if item else 0
        pk, sk = self._key
        kept = {
            "pk": pk,
            "sk": sk,
            "document": after.model_dump_json(by_alias=True),
            "version": version + 1,
        }
        condition = "version = :version" if item else "attribute_not_exists(pk)"
        try:
            await self._table.put(kept, condition=condition, values={":version": version} if item else None)
        except ConditionFailed:
            return False
        return True
