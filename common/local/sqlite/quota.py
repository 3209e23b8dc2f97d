"""`QuotaStore` over the container's database: the account of one engine model, shared by all who run jobs."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from common.local.sqlite.database import Database
from common.quota import Quota, resumed

if TYPE_CHECKING:
    from sqlite3 import Connection

T = TypeVar("T")


class SqliteQuota:
    """One row for `model`; `start` is its account before anything was asked, with the limits of the settings.

    Limits that changed in the settings since hold at once; what was used stays used.
    """

    def __init__(self, database: Database, *, model: str, start: Quota) -> None:
        self._database = database
        self._key = f"quota:{model}"
        self._start = start

    async def change(self, decide: Callable[[Quota], tuple[Quota, T]]) -> T:
        return await self._database.write(lambda db: self._change(db, decide))

    def _change(self, db: Connection, decide: Callable[[Quota], tuple[Quota, T]]) -> T:
        before = self._kept(db)
        after, answer = decide(before)
        if after != before:
            row = (self._key, after.model_dump_json(by_alias=True))
            db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", row)
        return answer

    def _kept(self, db: Connection) -> Quota:
        row = db.execute("SELECT value FROM meta WHERE key = ?", (self._key,)).fetchone()
        return resumed(row[0], self._start) if row else self._start
