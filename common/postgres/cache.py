"""Texts for equal recordings in the database, within a budget of bytes: what expires first goes first."""

from __future__ import annotations

import zlib

from common.cache_port import CacheKey
from common.models import Transcript
from common.postgres.database import Database

# Text shrinks to a fifth at the quickest level, which takes a tenth of the CPU of the default one.
_ZLIB_LEVEL = 1

_GET = "SELECT document FROM escriba.cache WHERE answer = $1 AND expires_at > $2"

# The new text, and what has to go so that it fits, from the one that expires first.
_PUT = """
    WITH surplus AS (
        DELETE FROM escriba.cache WHERE answer IN (
            SELECT answer FROM (
                SELECT answer, sum(bytes) OVER (ORDER BY expires_at DESC, answer) AS total
                FROM escriba.cache WHERE answer <> $1
            ) AS kept WHERE total > $6::bigint - $4::int
        )
    )
    INSERT INTO escriba.cache VALUES ($1, $2, $3, $4, $5) ON CONFLICT (answer) DO UPDATE SET
        expires_at = excluded.expires_at, bytes = excluded.bytes, document = excluded.document
"""


class PostgresCache:
    """`TranscriptCache` of at most `budget_bytes`, shared by all instances."""

    def __init__(self, database: Database, *, budget_bytes: int) -> None:
        self._database = database
        self._budget_bytes = budget_bytes

    async def get(self, key: CacheKey, *, now: float) -> Transcript | None:
        document = await self._database.value(_GET, key.answer, now)
        return None if document is None else Transcript.model_validate_json(zlib.decompress(document))

    async def put(self, key: CacheKey, transcript: Transcript, *, expires_at: float) -> None:
        json = transcript.model_dump_json(by_alias=True, exclude_none=True)
        document = zlib.compress(json.encode(), _ZLIB_LEVEL)
        if len(document) <= self._budget_bytes:
            row = (key.answer, key.recording, expires_at, len(document), document)
            await self._database.rows(_PUT, *row, self._budget_bytes)

    async def forget(self, recording: str) -> None:
        await self._database.rows("DELETE FROM escriba.cache WHERE recording = $1", recording)

    async def expire(self, *, now: float) -> None:
        await self._database.rows("DELETE FROM escriba.cache WHERE expires_at <= $1", now, counts=False)
