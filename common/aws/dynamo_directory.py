"""`JobDirectory` over the jobs' table: an index of keys by age, whose items are read again."""

from __future__ import annotations

import asyncio
import math
from typing import Any

from common.admin.directory import (
    Activity,
    Counted,
    JobFilter,
    Page,
    Position,
    activity_of,
    delivery_page,
    position_of,
)
from common.aws import delivery_items, job_items
from common.aws.table import Table
from common.models import Job
from common.ports import TARGETS, Delivery, Target

_LATEST = 9_999_999_999.0  # seconds: in the year 2286
_LAST = "~"  # sorts after every key
_TRIED = [
    partition
    for target in TARGETS
    for partition in (
        delivery_items.refused_partition(target),
        *(delivery_items.partition(target, ended=ended, immediate=False) for ended in (True, False)),
    )
]
# Deliveries whose next tries are at one moment: a page that begins at it reads them all.
_OF_ONE_MOMENT = 20


class DynamoDirectory:
    def __init__(self, table: Table) -> None:
        self._table = table

    async def newest(self, wanted: JobFilter, *, after: Position, limit: int) -> Page[Job]:
        """All statuses: the index knows none, so that a commit does not write it."""
        start = _LAST if math.isinf(after.at) else job_items.created_key(*after)
        low = job_items.created_key(max(wanted.since, 0.0), "")
        high = min(start, job_items.created_key(min(wanted.until, _LATEST), _LAST))
        if low > high:  # DynamoDB refuses such a range
            return Page([])
        found = await self._table.query(
            "created = :all AND created_key BETWEEN :low AND :high",
            {":all": job_items.ALL, ":low": low, ":high": high},
            index=job_items.CREATED,
            limit=limit + 1,  # the position itself is among them
            newest_first=True,
        )
        keys = [item for item in found if item["created_key"] < start][:limit]
        jobs = [job_items.job_of(item) for item in await self._table.read_again(keys)]
        jobs.sort(key=lambda job: (job.created_at, job.job_id), reverse=True)
        return Page(jobs, _position_of(keys[-1]["created_key"]) if len(keys) == limit else None)

    async def failing(self, *, after: Position, limit: int) -> Page[Delivery]:
        """Those that were tried or refused have parts of the index to themselves, by next try."""
        most = limit + _OF_ONE_MOMENT
        answers = await asyncio.gather(
            *(
                self._table.query(
                    "news = :partition AND next_at >= :at",
                    {":partition": partition, ":at": max(after.at, 0.0)},
                    index=delivery_items.INDEX,
                    limit=most,
                )
                for partition in _TRIED
            )
        )
        items = await self._table.read_again([item for answer in answers for item in answer])
        read = sorted((delivery_items.row_of(item).delivery for item in items), key=position_of)
        found = [delivery for delivery in read if position_of(delivery) > after]
        page = delivery_page(found, limit=limit)
        return Page([each for each in page.rows if each.last_error], page.rest)

    async def activity(self, *, now: float) -> Activity:
        keys = await self._table.query("due = :all", {":all": job_items.ALL}, index=job_items.DUE)
        items = await self._table.read_again(keys)
        counted = [_count(job_items.job_of(item), item.get("due_at")) for item in items]
        deliveries = {target: await self._count_open(target) for target in TARGETS}
        return activity_of((line for line in counted if line), deliveries, now=now)

    async def _count_open(self, target: Target) -> int:
        answers = await asyncio.gather(
            *(
                self._table.query(
                    "news = :partition",
                    {":partition": delivery_items.partition(target, ended=ended, immediate=immediate)},
                    index=delivery_items.INDEX,
                    only="pk",
                )
                for ended in (True, False)
                for immediate in (True, False)
            )
        )
        return sum(len(items) for items in answers)


def _count(job: Job, due_at: Any) -> Counted | None:
    """None where the job has ended: then its speakers may be due."""
    return None if due_at is None or job.has_ended else Counted(job.status, job.waiting_for, 1, float(due_at))


def _position_of(key: str) -> Position:
    created_at, _, job_id = key.partition("#")
    return Position(float(created_at), job_id)
