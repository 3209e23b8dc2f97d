"""`SpeakerTasks` over the container's database; triggers of the schema make a task and delete it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

from common.jobs.due import FAR
from common.local.sqlite.database import Database
from common.local.sqlite.lease_rows import LEASED
from common.ports import LeaseLost
from common.speaker_tasks_port import SpeakerTask

if TYPE_CHECKING:
    from sqlite3 import Connection

# A task that waits for no further try is due whatever its time says: the clock may have stepped back since.
_CLAIM = f"""
    UPDATE speaker_tasks SET
        attempts = attempts + 1,
        lease_holder = :holder, lease_until = :now + :seconds, lease_seconds = :seconds
    WHERE job_id = (
        SELECT job_id FROM speaker_tasks
        WHERE (due_at <= :now OR due_at > :far OR attempts = 0) AND NOT {LEASED} ORDER BY due_at LIMIT 1
    ) RETURNING job_id, attempts
"""
_RENEW = """
    UPDATE speaker_tasks SET lease_until = :now + :seconds, lease_seconds = :seconds
    WHERE job_id = :job_id AND lease_holder = :holder
"""
_GIVE_BACK = """
    UPDATE speaker_tasks SET
        due_at = :due_at, attempts = :attempts, lease_holder = NULL, lease_until = NULL, lease_seconds = NULL
    WHERE job_id = :job_id AND lease_holder = :holder
"""
_FIRST_AGAIN = "UPDATE speaker_tasks SET attempts = 0 WHERE job_id = :job_id AND lease_holder = :holder"
_KEEP = "INSERT OR REPLACE INTO later_voices VALUES (?, ?, ?)"
_KEPT = "SELECT stretch, embeddings FROM later_voices WHERE job_id = ?"
_RELEASE_ALL = """
    UPDATE speaker_tasks SET lease_holder = NULL, lease_until = NULL, lease_seconds = NULL
    WHERE lease_holder IN (SELECT value FROM json_each(?))
"""


class SqliteSpeakerTasks:
    """One row a task, and one for each stretch of its embeddings."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def claim(self, holder: str, *, now: float, seconds: float) -> SpeakerTask | None:
        values = {"holder": holder, "now": now, "seconds": seconds, "far": now + FAR}
        if not await self._database.read(_has_tasks):
            return None
        row = await self._database.write(lambda db: db.execute(_CLAIM, values).fetchone())
        return SpeakerTask(*row) if row else None

    async def renew(self, job_id: str, holder: str, *, now: float, seconds: float) -> None:
        await self._change(_RENEW, job_id, holder, now=now, seconds=seconds)

    async def give_back(self, job_id: str, holder: str, *, due_at: float, attempts: int) -> None:
        await self._change(_GIVE_BACK, job_id, holder, due_at=due_at, attempts=attempts)

    async def keep(self, job_id: str, index: int, packed: bytes, *, holder: str) -> None:
        def keep(db: Connection) -> None:
            _require_holder(db, _FIRST_AGAIN, job_id, holder)
            db.execute(_KEEP, (job_id, index, packed))

        await self._database.write(keep)

    async def kept(self, job_id: str) -> dict[int, bytes]:
        return dict(await self._database.read(lambda db: db.execute(_KEPT, (job_id,)).fetchall()))

    async def release_all(self, holders: Sequence[str]) -> None:
        if holders:
            names = json.dumps(list(holders))
            await self._database.write(lambda db: db.execute(_RELEASE_ALL, (names,)))

    async def _change(self, statement: str, job_id: str, holder: str, **values: float) -> None:
        await self._database.write(lambda db: _require_holder(db, statement, job_id, holder, **values))


def _require_holder(db: Connection, statement: str, job_id: str, holder: str, **values: float) -> None:
    if not db.execute(statement, {"job_id": job_id, "holder": holder, **values}).rowcount:
        raise LeaseLost(job_id)


def _has_tasks(db: Connection) -> bool:
    return db.execute("SELECT 1 FROM speaker_tasks LIMIT 1").fetchone() is not None
