"""`VoiceStore` over Postgres; a trigger of the schema deletes a job's rows with its end."""

from __future__ import annotations

from common.errors import JobNotFound
from common.ports import LeaseLost
from common.postgres.database import Database

_KEEP = """
    WITH held AS (
        SELECT job_id FROM escriba.jobs WHERE job_id = $1 AND lease_holder = $4 FOR SHARE
    ), kept AS (
        INSERT INTO escriba.voices SELECT job_id, $2, $3 FROM held
        ON CONFLICT (job_id, stretch) DO UPDATE SET embeddings = excluded.embeddings
    )
    SELECT EXISTS (SELECT 1 FROM held) AS is_held,
        EXISTS (SELECT 1 FROM escriba.jobs WHERE job_id = $1) AS is_known
"""
_KEPT = "SELECT stretch, embeddings FROM escriba.voices WHERE job_id = $1"
_COUNT = "SELECT count(*)::int AS count FROM escriba.voices WHERE job_id = $1"


class PostgresVoices:
    """One row a stretch, so that an instance that takes a job over goes on where another stopped."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def keep(self, job_id: str, index: int, packed: bytes, *, holder: str) -> None:
        row = await self._database.row(_KEEP, job_id, index, packed, holder)
        if row is None or not row["is_known"]:
            raise JobNotFound
        if not row["is_held"]:
            raise LeaseLost(job_id)

    async def kept(self, job_id: str) -> dict[int, bytes]:
        return {row["stretch"]: row["embeddings"] for row in await self._database.rows(_KEPT, job_id)}

    async def count(self, job_id: str) -> int:
        (row,) = await self._database.rows(_COUNT, job_id)
        return int(row["count"])
