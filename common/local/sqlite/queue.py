"""The container's queue: the jobs' own rows by when they are due, save those that are leased."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING

from common.jobs.due import FAR
from common.jobs.fair_turns import FairTurns, cost_of
from common.jobs.suspects import next_turn
from common.local.sqlite.database import Database
from common.local.sqlite.lease_rows import LEASED
from common.queued_job import QueuedJob
from common.token_bucket import CLOCK_JITTER

if TYPE_CHECKING:
    from sqlite3 import Connection

# SQL: the row's time has come. After a clock stepped back, a job that runs or was committed as due at once is
# still due; so is one whose time is over a day away, since no job is meant to wait that long.
_DUE = """
    due_at IS NOT NULL AND (
        due_at <= :now OR due_at > :far
        OR due_at = updated_at OR (due_at < updated_at AND status = 'processing')
    )
"""

# Without a delay a job keeps its place in the queue; with one it is due after the delay.
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

_CLAIMABLE = f"{_DUE} AND NOT {LEASED} AND job_id NOT IN (SELECT value FROM json_each(:busy))"

_SUSPECT_IS_DUE = f"SELECT EXISTS (SELECT 1 FROM jobs WHERE suspect = 1 AND {_CLAIMABLE})"

# The order of common.jobs.fair_turns. Of one client's jobs those of the user with the fewest running jobs
# come first, among those of the user whose last turn is longest ago, then the job that has been due for
# longest. All jobs without a client share one, and so do all of a client without a user.
_NEXT = f"""
    WITH running AS (
        SELECT client, user_id, count(*) AS jobs FROM jobs
        WHERE lease_until IS NOT NULL AND {LEASED} GROUP BY client, user_id
    ), running_clients AS (
        SELECT client, sum(jobs) AS jobs FROM running GROUP BY client
    ), finishes AS (
        SELECT value ->> 0 AS client, value ->> 1 AS finish FROM json_each(:finishes)
    ), turns AS (
        SELECT value ->> 0 AS client, value ->> 1 AS user_id, key AS place FROM json_each(:users)
    )
    SELECT job_id, jobs.client, jobs.user_id, document ->> '$.audio.sizeBytes',
        document ->> '$.startedAt' IS NULL
    FROM jobs
    LEFT JOIN running_clients ON running_clients.client IS jobs.client
    LEFT JOIN finishes ON finishes.client IS jobs.client
    LEFT JOIN running ON running.client IS jobs.client AND running.user_id IS jobs.user_id
    LEFT JOIN turns ON turns.client IS jobs.client AND turns.user_id IS jobs.user_id
    WHERE suspect = :suspect AND {_CLAIMABLE}
    ORDER BY coalesce(running_clients.jobs, 0), coalesce(finishes.finish, 0),
        coalesce(running.jobs, 0), coalesce(turns.place, -1), due_at LIMIT 1
"""

_WAITING = f"""
    SELECT job_id, client, user_id, due_at, document ->> '$.audio.sizeBytes',
        document ->> '$.startedAt' IS NULL
    FROM jobs WHERE due_at IS NOT NULL AND NOT {LEASED} ORDER BY due_at LIMIT :limit
"""

_LEASE = """
    UPDATE jobs SET lease_holder = :holder, lease_until = :now + :seconds, lease_seconds = :seconds
    WHERE job_id = :job_id
"""


class SqliteQueue:
    """`TaskQueue` over the jobs' rows, and what a worker in this process takes from it.

    A commit already makes its job due, so `put` matters only for delays and for `on_put`, which is called
    after every put. Times are epoch seconds by `now`.
    """

    def __init__(
        self, database: Database, *, now: Callable[[], float], on_put: Callable[[], None] = lambda: None
    ) -> None:
        self._database = database
        self._now = now
        self._on_put = on_put
        self._turns = FairTurns()

    async def put(self, job_id: str, *, delay: float = 0, client: str | None = None) -> None:  # noqa: ARG002
        values = {"job_id": job_id, "delay": delay, "now": self._now()}
        await self._database.write(lambda db: db.execute(_PUT, values).rowcount)
        self._on_put()

    async def claim(
        self, now: float, holder: str, seconds: float, *, busy: AbstractSet[str] = frozenset()
    ) -> str | None:
        """Lease the next job that may begin beside `busy`, the jobs that run here; None when there is none.

        `JobStore.lease` by the same `holder` then answers the job.
        """
        values: dict[str, str | float] = {"now": now, "far": now + FAR, "holder": holder, "seconds": seconds}
        turns = self._turns
        values |= {"busy": json.dumps(list(busy)), "users": json.dumps(list(turns.users))}
        values |= {"finishes": json.dumps(list(turns.finishes.items()))}
        claimed = await self._database.write(lambda db: _claim(db, values))
        if claimed is None:
            return None
        job_id, client, user_id, size_bytes, is_first_run = claimed
        turns.note(client, user_id, cost_of(size_bytes, is_first_run=bool(is_first_run)))
        return job_id

    async def release_all(self, holders: Sequence[str]) -> None:
        """Give back the leases of processes that are known to be dead."""
        statement = """
            UPDATE jobs SET lease_holder = NULL, lease_until = NULL, lease_seconds = NULL
            WHERE lease_holder IN (SELECT value FROM json_each(?))
        """
        if holders:
            await self._database.write(lambda db: db.execute(statement, (json.dumps(holders),)).rowcount)

    async def correct_due_times(self) -> None:
        """Make due what waits by a clock that was ahead of ours.

        Call it once, at the start: while a process lives, its clock goes on evenly.
        """
        statement = "UPDATE jobs SET due_at = :now WHERE due_at > :now AND updated_at > :now + :jitter"
        values = {"now": self._now(), "jitter": CLOCK_JITTER}
        await self._database.write(lambda db: db.execute(statement, values).rowcount)

    async def waiting(self, *, limit: int) -> list[QueuedJob]:
        values = {"now": self._now(), "limit": limit}
        rows = await self._database.read(lambda db: db.execute(_WAITING, values).fetchall())
        return [QueuedJob(*row) for row in rows]

    async def backlog(self) -> int:
        """How many jobs are due now or later, those that run included."""
        query = "SELECT count(*) FROM jobs WHERE due_at IS NOT NULL"
        row = await self._database.read(lambda db: db.execute(query).fetchone())
        return int(row[0])


Claimed = tuple[str, str | None, str | None, int | None, int]


def _claim(db: Connection, values: Mapping[str, str | float]) -> Claimed | None:
    suspect_runs, other_runs = db.execute(_RUNNING, values).fetchone()
    (suspect_is_due,) = db.execute(_SUSPECT_IS_DUE, values).fetchone()
    turn = next_turn(suspect_runs=suspect_runs, other_runs=other_runs, suspect_is_due=suspect_is_due)
    if turn == "nobody":
        return None
    row: Claimed | None = db.execute(_NEXT, {**values, "suspect": turn == "suspects"}).fetchone()
    if row is not None:
        db.execute(_LEASE, {**values, "job_id": row[0]})
    return row
