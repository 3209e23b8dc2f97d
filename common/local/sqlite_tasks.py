"""The container's queue: the jobs' own rows by when they are due, save those that are leased."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING

from common.local.database import Database
from common.local.lease_rows import LEASED
from common.local.schema import FAR

if TYPE_CHECKING:
    from sqlite3 import Connection

# SQL: a row's time has come. What was due at once when it was committed, or runs already, is due whatever the
# clock says now, and a time more than a day away was never meant: both are left by a clock that stepped back.
_DUE = """
    due_at IS NOT NULL AND (
        due_at <= :now OR due_at > :far
        OR due_at = updated_at OR (due_at < updated_at AND status = 'processing')
    )
"""

# Without a delay a job keeps the place it has; with one it waits as long as it is told.
_PUT = """
    UPDATE jobs SET due_at = CASE WHEN :delay > 0 THEN :now + :delay ELSE min(due_at, :now) END
    WHERE job_id = :job_id AND due_at IS NOT NULL
"""

# Whoever has the fewest jobs running comes first, then whose job waits longest. Nameless people share.
_NEXT = f"""
    WITH running AS (
        SELECT user_id, count(*) AS jobs FROM jobs
        WHERE lease_until IS NOT NULL AND {LEASED} GROUP BY user_id
    )
    SELECT job_id FROM jobs LEFT JOIN running ON running.user_id IS jobs.user_id
    WHERE {_DUE} AND NOT {LEASED} AND job_id NOT IN (SELECT value FROM json_each(:busy))
    ORDER BY coalesce(running.jobs, 0), due_at LIMIT 1
"""


class SqliteTasks:
    """`TaskQueue` over the jobs' rows, and what a worker in this process takes from it.

    A commit already makes its job due, so `put` matters only for delays and for `came`, which is called
    after every put. Times are epoch seconds by `now`.
    """

    def __init__(
        self, database: Database, *, now: Callable[[], float], came: Callable[[], None] = lambda: None
    ) -> None:
        self._database = database
        self._now = now
        self._came = came

    async def put(self, job_id: str, *, delay: float = 0) -> None:
        values = {"job_id": job_id, "delay": delay, "now": self._now()}
        await self._database.write(lambda db: db.execute(_PUT, values).rowcount)
        self._came()

    async def claim(
        self, now: float, holder: str, seconds: float, *, busy: AbstractSet[str] = frozenset()
    ) -> str | None:
        """Lease the next due job that is not among `busy`, in fair order; None when there is none.

        `JobStore.lease` by the same `holder` then answers the job.
        """
        return await self._database.write(lambda db: _claim(db, now, holder, seconds, busy))

    async def free(self, holders: Sequence[str]) -> None:
        """Give back the leases of processes that are known to be dead."""
        statement = """
            UPDATE jobs SET lease_holder = NULL, lease_until = NULL, lease_seconds = NULL
            WHERE lease_holder IN (SELECT value FROM json_each(?))
        """
        if holders:
            await self._database.write(lambda db: db.execute(statement, (json.dumps(holders),)).rowcount)

    async def backlog(self) -> int:
        """How many jobs are due now or later, those that run included."""
        query = "SELECT count(*) FROM jobs WHERE due_at IS NOT NULL"
        row = await self._database.read(lambda db: db.execute(query).fetchone())
        return int(row[0])


def _claim(db: Connection, now: float, holder: str, seconds: float, busy: AbstractSet[str]) -> str | None:
    values = {"now": now, "far": now + FAR, "busy": json.dumps(list(busy))}
    row = db.execute(_NEXT, values).fetchone()
    if row is None:
        return None
    job_id: str = row[0]
    db.execute(
        "UPDATE jobs SET lease_holder = ?, lease_until = ?, lease_seconds = ? WHERE job_id = ?",
        (holder, now + seconds, seconds, job_id),
    )
    return job_id
