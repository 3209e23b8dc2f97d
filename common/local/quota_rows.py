"""`QuotaStore` over the container's database: the account of one engine model, shared by all who run jobs."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from common.local.database import Database
from common.quota import Quota

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
        from pydantic import ValidationError

        row = db.execute("SELECT value FROM meta WHERE key = ?", (self._key,)).fetchone()
        try:
            return _under(Quota.model_validate_json(row[0]), self._start) if row else self._start
        except ValidationError:
            # Another version's account: the engine's next answer tells more than it could.
            return self._start


def _under(kept: Quota, start: Quota) -> Quota:
    """`kept` with the limits that the settings pin now, and without those they pinned before."""
    fresh = {}
    for name in ("requests_per_minute", "requests_per_day", "audio_per_hour", "audio_per_day"):
        old, new = getattr(kept, name), getattr(start, name)
        if new.pinned or old.pinned:
            fresh[name] = new.model_copy(update={"used": old.used})
    return kept.model_copy(update=fresh)
