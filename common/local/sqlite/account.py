"""`AccountStore` over the container's database: one row for each account, shared by all who run jobs."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Generic, TypeVar

from common.local.sqlite.database import Database
from common.token_bucket import DAY, Account

if TYPE_CHECKING:
    from sqlite3 import Connection

# Accounts of clients, which nobody counts: each new one removes those that have drained wholly since.
_CLIENTS = "quota:client:"
_FORGET = f"DELETE FROM meta WHERE key GLOB '{_CLIENTS}*' AND value ->> '$.at' < :before"

A = TypeVar("A", bound=Account)
T = TypeVar("T")


class SqliteAccount(Generic[A]):
    """The account called `name`; `start` is it before anything was taken, with the limits of the settings.

    Limits that the settings changed since hold at once; what was used stays used.
    """

    def __init__(self, database: Database, *, name: str, start: A) -> None:
        self._database = database
        self._key = f"quota:{name}"
        self._start = start

    async def change(self, decide: Callable[[A], tuple[A, T]]) -> T:
        return await self._database.write(lambda db: self._change(db, decide))

    async def read(self) -> A:
        return await self._database.read(self._stored)

    def _change(self, db: Connection, decide: Callable[[A], tuple[A, T]]) -> T:
        before = self._stored(db)
        after, answer = decide(before)
        if after != before:
            row = (self._key, after.model_dump_json(by_alias=True))
            db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", row)
        if before is self._start and self._key.startswith(_CLIENTS):
            db.execute(_FORGET, {"before": after.at - 2 * DAY})
        return answer

    def _stored(self, db: Connection) -> A:
        row = db.execute("SELECT value FROM meta WHERE key = ?", (self._key,)).fetchone()
        return self._start.resume(row[0]) if row else self._start
