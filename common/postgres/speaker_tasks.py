"""`SpeakerTasks` over Postgres; triggers of the schema make a task and delete it."""

from __future__ import annotations

from collections.abc import Sequence

from common.jobs.due import FAR
from common.ports import LeaseLost
from common.postgres.database import Database
from common.speaker_tasks_port import SpeakerTask

# A task that waits for no further try is due whatever its time says: the clock may have stepped back since.
_IS_LEASED = "coalesce(lease_until > $2 AND lease_until <= $2 + 2 * lease_seconds, false)"
_CLAIM = f"""
    UPDATE escriba.speaker_tasks SET attempts = attempts + 1,
        lease_holder = $1, lease_until = $2::float8 + $3::float8, lease_seconds = $3
    WHERE job_id = (
        SELECT job_id FROM escriba.speaker_tasks
        WHERE (due_at <= $2 OR due_at > $2 + {FAR} OR attempts = 0) AND NOT {_IS_LEASED}
        ORDER BY due_at LIMIT 1 FOR UPDATE SKIP LOCKED
    ) RETURNING job_id, attempts
"""
_RENEW = """
    UPDATE escriba.speaker_tasks SET lease_until = $3::float8 + $4::float8, lease_seconds = $4
    WHERE job_id = $1 AND lease_holder = $2 RETURNING 1
"""
_GIVE_BACK = """
    UPDATE escriba.speaker_tasks SET due_at = $3, attempts = $4,
        lease_holder = NULL, lease_until = NULL, lease_seconds = NULL
    WHERE job_id = $1 AND lease_holder = $2 RETURNING 1
"""
_KEEP = """
    WITH held AS (
        UPDATE escriba.speaker_tasks SET attempts = 0 WHERE job_id = $1 AND lease_holder = $4 RETURNING job_id
    )
    INSERT INTO escriba.later_voices SELECT job_id, $2, $3 FROM held
    ON CONFLICT (job_id, stretch) DO UPDATE SET embeddings = excluded.embeddings RETURNING 1
"""
_KEPT = "SELECT stretch, embeddings FROM escriba.later_voices WHERE job_id = $1"
_RELEASE_ALL = """
    UPDATE escriba.speaker_tasks SET lease_holder = NULL, lease_until = NULL, lease_seconds = NULL
    WHERE lease_holder = ANY ($1::text[])
"""


class PostgresSpeakerTasks:
    """One row a task, so that an instance that takes one over goes on where another stopped."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def claim(self, holder: str, *, now: float, seconds: float) -> SpeakerTask | None:
        row = await self._database.row(_CLAIM, holder, now, seconds)
        return SpeakerTask(row["job_id"], row["attempts"]) if row else None

    async def renew(self, job_id: str, holder: str, *, now: float, seconds: float) -> None:
        await self._change(_RENEW, job_id, holder, now, seconds)

    async def give_back(self, job_id: str, holder: str, *, due_at: float, attempts: int) -> None:
        await self._change(_GIVE_BACK, job_id, holder, due_at, attempts)
        self._database.note_change()

    async def keep(self, job_id: str, index: int, packed: bytes, *, holder: str) -> None:
        await self._change(_KEEP, job_id, index, packed, holder)

    async def kept(self, job_id: str) -> dict[int, bytes]:
        return {row["stretch"]: row["embeddings"] for row in await self._database.rows(_KEPT, job_id)}

    async def release_all(self, holders: Sequence[str]) -> None:
        if holders:
            await self._database.rows(_RELEASE_ALL, list(holders))

    async def _change(self, statement: str, job_id: str, *values: str | float | bytes) -> None:
        if not await self._database.rows(statement, job_id, *values):
            raise LeaseLost(job_id)
