"""`JobDirectory` over the container's database."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from common.admin.directory import Activity, Counted, JobFilter, Page, Position, activity_of, delivery_page
from common.local.sqlite import delivery_rows
from common.local.sqlite.database import Database
from common.models import Job
from common.ports import Delivery

if TYPE_CHECKING:
    from sqlite3 import Connection

# Filtered here as far as columns go, so that a few jobs are found among very many.
_NEWEST = """
    SELECT created_at, job_id, document FROM jobs
    WHERE (created_at, job_id) < (:at, :job_id) AND created_at BETWEEN :since AND :until
        AND (:statuses = '[]' OR status IN (SELECT value FROM json_each(:statuses)))
        AND (:user_id IS NULL OR user_id = :user_id)
    ORDER BY created_at DESC, job_id DESC LIMIT :limit
"""
# One query for both, since dashboards ask for it as long as they are open.
_ACTIVITY = """
    SELECT 'job', status, CASE status WHEN 'waiting' THEN document ->> '$.waitingFor' END AS reason,
        count(*), min(due_at)
    FROM jobs WHERE due_at IS NOT NULL GROUP BY status, reason, due_at > :now
    UNION ALL
    SELECT 'delivery', target, NULL, count(*), NULL FROM deliveries
    WHERE wanted_seq > confirmed_seq GROUP BY target
"""


class SqliteDirectory:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def newest(self, wanted: JobFilter, *, after: Position, limit: int) -> Page[Job]:
        values = {
            "at": after.at,
            "job_id": after.key,
            "since": wanted.since,
            "until": wanted.until,
            "statuses": json.dumps(sorted(wanted.statuses)),
            "user_id": wanted.user_id,
            "limit": limit,
        }
        rows = await self._database.read(lambda db: db.execute(_NEWEST, values).fetchall())
        rest = Position(*rows[-1][:2]) if len(rows) == limit else None
        return Page([Job.model_validate_json(document) for *_, document in rows], rest)

    async def failing(self, *, after: Position, limit: int) -> Page[Delivery]:
        found = await self._database.read(lambda db: delivery_rows.failing(db, after, limit + 1))
        return delivery_page(found, limit=limit)

    async def activity(self, *, now: float) -> Activity:
        return await self._database.read(lambda db: _activity(db, now))


def _activity(db: Connection, now: float) -> Activity:
    rows = db.execute(_ACTIVITY, {"now": now}).fetchall()
    deliveries = {target: count for kind, target, _, count, _ in rows if kind == "delivery"}
    return activity_of((Counted(*row) for kind, *row in rows if kind == "job"), deliveries, now=now)
