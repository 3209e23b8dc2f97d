"""The queue of all instances: the jobs' own rows by when they are due, save those that are leased."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from itertools import product

from common.jobs.due import FAR
from common.jobs.fair_turns import BASE_COST, UNKNOWN_COST
from common.jobs.suspects import next_turn
from common.postgres.clock import TOLERANCE, read_steady_clock
from common.postgres.database import Database
from common.queued_job import QueuedJob

# Without a delay a job keeps its place in the queue; with one it is due after the delay.
_PUT = """
    UPDATE escriba.jobs SET due_at = CASE WHEN $2::float8 > 0 THEN $3::float8 + $2 ELSE least(due_at, $3) END
    WHERE job_id = $1 AND due_at IS NOT NULL
"""
_CLAIM = "SELECT * FROM escriba.claim_fairly($1, $2, $3, $4, $5, $6, $7, $8, $9)"
_BACKLOG = "SELECT count(*) FROM escriba.jobs WHERE due_at IS NOT NULL"

_WAITING = """
    SELECT job_id, client, user_id, due_at,
        substring(document FROM '"sizeBytes":([0-9]+)')::bigint AS size_bytes,
        strpos(document, '"startedAt":') = 0 AS is_first_run
    FROM escriba.jobs
    WHERE due_at IS NOT NULL
        AND NOT coalesce(lease_until > $1 AND lease_until <= $1 + 2 * lease_seconds, false)
    ORDER BY due_at LIMIT $2
"""

# What the rule says in each case, in the order in which the statement numbers them.
_VERDICTS = [
    next_turn(suspect_runs=suspect_runs, other_runs=other_runs, suspect_is_due=suspect_is_due)
    for suspect_runs, other_runs, suspect_is_due in product((False, True), repeat=3)
]

# Seconds after an outage in which no job is claimed: an instance that runs a job renews its lease first.
_GRACE = 5.0


class PostgresQueue:
    """`TaskQueue` and `RunQueue`. `on_put` is called after every put."""

    def __init__(
        self,
        database: Database,
        *,
        now: Callable[[], float],
        on_put: Callable[[], None] = lambda: None,
        tolerance: float = TOLERANCE,
    ) -> None:
        self._database = database
        self._now = now
        self._on_put = on_put
        self._tolerance = tolerance
        self._claims_from = 0.0
        database.on_recovery.append(self._pause)

    async def put(self, job_id: str, *, delay: float = 0, client: str | None = None) -> None:  # noqa: ARG002
        await self._database.rows(_PUT, job_id, float(delay), self._now())
        self._database.note_change()
        self._on_put()

    async def claim(
        self, now: float, holder: str, seconds: float, *, busy: AbstractSet[str] = frozenset()
    ) -> str | None:
        """Lease the next job that may begin beside `busy`, the jobs that run here; None when there is
        none.
        """
        asked_at = read_steady_clock()
        if asked_at < self._claims_from:
            return None
        costs = (float(BASE_COST), float(UNKNOWN_COST))
        values = (now, self._tolerance, holder, seconds, FAR, list(busy), _VERDICTS, *costs)
        row = await self._database.row(_CLAIM, *values)
        if row is None:
            return None
        self._database.clock.learn(row["clock"], asked_at=asked_at)
        claimed: str | None = row["claimed"]
        return claimed

    async def release_all(self, holders: Sequence[str]) -> None:
        """Give back the leases of processes that are known to be dead."""
        statement = """
            UPDATE escriba.jobs SET lease_holder = NULL, lease_until = NULL, lease_seconds = NULL
            WHERE lease_holder = ANY ($1::text[])
        """
        if holders:
            await self._database.rows(statement, list(holders))

    async def waiting(self, *, limit: int) -> list[QueuedJob]:
        rows = await self._database.rows(_WAITING, self._now(), limit, counts=False)
        return [
            QueuedJob(
                row["job_id"],
                row["client"],
                row["user_id"],
                row["due_at"],
                row["size_bytes"],
                is_first_run=row["is_first_run"],
            )
            for row in rows
        ]

    async def backlog(self) -> int:
        """How many jobs are due now or later, those that run included."""
        rows = await self._database.rows(_BACKLOG, counts=False)
        return int(rows[0][0])

    def _pause(self) -> None:
        self._claims_from = read_steady_clock() + _GRACE
