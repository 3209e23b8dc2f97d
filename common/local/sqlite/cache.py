"""Texts for equal recordings in the database, within a budget of bytes: what expires first goes first."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

from common.cache_port import CacheKey
from common.local.sqlite.database import Database
from common.models import Transcript

if TYPE_CHECKING:
    from sqlite3 import Connection

# Text shrinks to a fifth at the quickest level, which takes a tenth of the CPU of the default one.
_ZLIB_LEVEL = 1

# SQL: what has to go so that the others fit, from the one that expires first.
_SURPLUS = """
    DELETE FROM cache WHERE answer IN (
        SELECT answer FROM (
            SELECT answer, sum(bytes) OVER (ORDER BY expires_at DESC, answer) AS total FROM cache
        ) WHERE total > :budget
    )
"""


class SqliteCache:
    """`TranscriptCache` of at most `budget_bytes`."""

    def __init__(self, database: Database, *, budget_bytes: int) -> None:
        self._database = database
        self._budget_bytes = budget_bytes

    async def get(self, key: CacheKey, *, now: float) -> Transcript | None:
        query = "SELECT document FROM cache WHERE answer = ? AND expires_at > ?"
        row = await self._database.read(lambda db: db.execute(query, (key.answer, now)).fetchone())
        return Transcript.model_validate_json(zlib.decompress(row[0])) if row else None

    async def put(self, key: CacheKey, transcript: Transcript, *, expires_at: float) -> None:
        json = transcript.model_dump_json(by_alias=True, exclude_none=True)
        document = zlib.compress(json.encode(), _ZLIB_LEVEL)
        if len(document) > self._budget_bytes:
            return
        row = (key.answer, key.recording, expires_at, len(document), document)

        def work(db: Connection) -> None:
            db.execute("INSERT OR REPLACE INTO cache VALUES (?, ?, ?, ?, ?)", row)
            if _stored_bytes(db) > self._budget_bytes:
                db.execute(_SURPLUS, {"budget": self._budget_bytes})

        await self._database.write(work)

    async def forget(self, recording: str) -> None:
        await self._delete("recording = ?", recording)

    async def expire(self, *, now: float) -> None:
        await self._delete("expires_at <= ?", now)

    async def _delete(self, condition: str, value: str | float) -> None:
        statement = f"DELETE FROM cache WHERE {condition}"
        if await self._database.write(lambda db: db.execute(statement, (value,)).rowcount):
            await self._database.truncate_log()


def open_cache(database: Database, budget_bytes: int) -> SqliteCache | None:
    """None where no text is to be kept."""
    return SqliteCache(database, budget_bytes=budget_bytes) if budget_bytes else None


def _stored_bytes(db: Connection) -> int:
    return int(db.execute("SELECT coalesce(sum(bytes), 0) FROM cache").fetchone()[0])
