"""The container's queue: the jobs' own rows by when they are due, save those that are leased."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING

from common.jobs.suspects import next_turn
from common.local.sqlite.database import Database
from common.local.sqlite.lease_rows import LEASED
from common.local.sqlite.schema import FAR
from common.quota import CLOCK_JITTER

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

# Whether a suspect runs, and whether another job does: here, or by its lease in another process.
_RUNNING = f"""
    WITH running AS (
        SELECT suspect FROM jobs WHERE lease_until IS NOT NULL AND {LEASED}
        UNION ALL SELECT suspect FROM jobs WHERE job_id IN (SELECT value FROM json_each(:busy))
    )
    SELECT EXISTS (SELECT 1 FROM running WHERE suspect = 1), EXISTS (SELECT 1 FROM running WHERE suspect = 0)
"""

_FREE = f"{_DUE} AND NOT {LEASED} AND job_id NOT IN (SELECT value FROM json_each(:busy))"

_SUSPECT_DUE = f"SELECT EXISTS (SELECT 1 FROM jobs WHERE suspect = 1 AND {_FREE})"

# Whoever has the fewest jobs running comes first, of those whose turn is longest ago, then whose job waits
# longest. Nameless people share.
_NEXT = f"""
    WITH running AS (
        SELECT user_id, count(*) AS jobs FROM jobs
        WHERE lease_until IS NOT NULL AND {LEASED} GROUP BY user_id
    ), turns AS (
        SELECT value AS user_id, key AS place FROM json_each(:turns)
    )
    SELECT job_id, jobs.user_id FROM jobs
    LEFT JOIN running ON running.user_id IS jobs.user_id
    LEFT JOIN turns ON turns.user_id IS jobs.user_id
    WHERE suspect = :suspect AND {_FREE}
    ORDER BY coalesce(running.jobs, 0), coalesce(turns.place, -1), due_at LIMIT 1
"""

_LEASE = """
    UPDATE jobs SET lease_holder = :holder, lease_until = :now + :seconds, lease_seconds = :seconds
    WHERE job_id = :job_id
"""

# Who had a turn is remembered for so many people; the others come before them.
_TURNS = 64


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
        self._turns: dict[str | None, None] = {}  # whose jobs were taken up here, the latest last

    async def put(self, job_id: str, *, delay: float = 0) -> None:
        values = {"job_id": job_id, "delay": delay, "now": self._now()}
        await self._database.write(lambda db: db.execute(_PUT, values).rowcount)
        self._came()

    async def claim(
        self, now: float, holder: str, seconds: float, *, busy: AbstractSet[str] = frozenset()
    ) -> str | None:
        """Lease the next job that may begin beside `busy`, those that run here, in fair order; None for none.

        `JobStore.lease` by the same `holder` then answers the job.
        """
        asked: dict[str, str | float] = {"now": now, "far": now + FAR}
        asked |= {"busy": json.dumps(list(busy)), "turns": json.dumps(list(self._turns))}
        claimed = await self._database.write(lambda db: _claim(db, asked, holder, seconds))
        if claimed is None:
            return None
        job_id, user_id = claimed
        self._turns.pop(user_id, None)
        self._turns[user_id] = None
        if len(self._turns) > _TURNS:
            del self._turns[next(iter(self._turns))]
        return job_id

    async def free(self, holders: Sequence[str]) -> None:
        """Give back the leases of processes that are known to be dead."""
        statement = """
            UPDATE jobs SET lease_holder = NULL, lease_until = NULL, lease_seconds = NULL
            WHERE lease_holder IN (SELECT value FROM json_each(?))
        """
        if holders:
            await self._database.write(lambda db: db.execute(statement, (json.dumps(holders),)).rowcount)

    async def catch_up(self) -> None:
        """Make due what waits by a clock that was ahead of ours. Asked once, at the start: while a process
        lives its clock goes on evenly.
        """
        statement = "UPDATE jobs SET due_at = :now WHERE due_at > :now AND updated_at > :now + :jitter"
        values = {"now": self._now(), "jitter": CLOCK_JITTER}
        await self._database.write(lambda db: db.execute(statement, values).rowcount)

    async def backlog(self) -> int:
        """How many jobs are due now or later, those that run included."""
        query = "SELECT count(*) FROM jobs WHERE due_at IS NOT NULL"
        row = await self._database.read(lambda db: db.execute(query).fetchone())
        return int(row[0])


def _claim(
    db: Connection, asked: Mapping[str, str | float], holder: str, seconds: float
) -> tuple[str, str | None] | None:
    suspect_runs, other_runs = db.execute(_RUNNING, asked).fetchone()
    (suspect_is_due,) = db.execute(_SUSPECT_DUE, asked).fetchone()
    turn = next_turn(suspect_runs=suspect_runs, other_runs=other_runs, suspect_is_due=suspect_is_due)
    if turn == "nobody":
        return None
    values = {**asked, "suspect": turn == "suspects"}
    row: tuple[str, str | None] | None = db.execute(_NEXT, values).fetchone()
    if row is not None:
        db.execute(_LEASE, {**asked, "holder": holder, "seconds": seconds, "job_id": row[0]})
    return row
