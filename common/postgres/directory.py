"""`JobDirectory` over Postgres: the jobs of all instances."""

from __future__ import annotations

from common.admin.directory import Activity, Counted, JobFilter, Page, Position, activity_of, delivery_page
from common.models import Job
from common.ports import Delivery
from common.postgres.database import Database
from common.postgres.deliveries import COLUMNS
from common.postgres.job_values import to_delivery

# Filtered here as far as columns go, so that a few jobs are found among very many.
_NEWEST = """
    SELECT created_at, job_id, document FROM escriba.jobs
    WHERE (created_at, job_id) < ($1, $2) AND created_at BETWEEN $3 AND $4
        AND (cardinality($5::text[]) = 0 OR status = ANY ($5))
    ORDER BY created_at DESC, job_id DESC LIMIT $6
"""
# One query for both, since dashboards ask for it as long as they are open. A pattern, since
# text in the document may hold what `->>` refuses; none of it has a quoted name.
_ACTIVITY = """
    SELECT 'job', status,
        CASE status WHEN 'waiting' THEN substring(document FROM '"waitingFor":"([a-z_]+)"') END AS reason,
        count(*), min(due_at)
    FROM escriba.jobs WHERE due_at IS NOT NULL GROUP BY status, reason, due_at > $1
    UNION ALL
    SELECT 'delivery', target, NULL, count(*), NULL
    FROM escriba.deliveries WHERE wanted_seq > confirmed_seq GROUP BY target
"""
_FAILING = f"""
    SELECT {COLUMNS} FROM escriba.deliveries
    WHERE last_error IS NOT NULL AND (next_at, job_id || ' ' || target) > ($1, $2)
    ORDER BY next_at, job_id || ' ' || target LIMIT $3
"""


class PostgresDirectory:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def newest(self, wanted: JobFilter, *, after: Position, limit: int) -> Page[Job]:
        statuses = sorted(wanted.statuses)
        rows = await self._database.rows(_NEWEST, *after, wanted.since, wanted.until, statuses, limit)
        rest = Position(rows[-1][0], rows[-1][1]) if len(rows) == limit else None
        return Page([Job.model_validate_json(row["document"]) for row in rows], rest)

    async def failing(self, *, after: Position, limit: int) -> Page[Delivery]:
        rows = await self._database.rows(_FAILING, *after, limit + 1)
        return delivery_page([to_delivery(row) for row in rows], limit=limit)

    async def activity(self, *, now: float) -> Activity:
        """It is no use of the database: who looks at a server does not keep it awake."""
        rows = [tuple(row) for row in await self._database.rows(_ACTIVITY, now, counts=False)]
        deliveries = {target: count for kind, target, _, count, _ in rows if kind == "delivery"}
        return activity_of((Counted(*row) for kind, *row in rows if kind == "job"), deliveries, now=now)
