"""Deliveries in the jobs' table: read and written here, decided in common/delivery/rules.py."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

from common.aws import delivery_items, job_items
from common.aws.delivery_items import Row
from common.aws.table import ConditionFailed, Table
from common.aws.table_requests import Item, put_action
from common.delivery import rules
from common.errors import Busy, JobNotFound
from common.ports import TARGETS, Delivery, Target

_TRIES = 20


class DynamoDeliveries:
    """All calls may raise Busy, StorageBroken."""

    def __init__(self, table: Table) -> None:
        self._table = table

    async def due(self, *, now: float, limit: int, target: Target | None = None) -> list[Delivery]:
        """As `JobStore.deliveries`."""
        answers = await asyncio.gather(
            *(
                self._query_index(
                    delivery_items.partition(name, ended=ended, immediate=immediate), when, at, limit
                )
                for name in ((target,) if target else TARGETS)
                for ended in (True, False)
                for immediate, when, at in (
                    (True, "next_at > :at", 0.0),
                    (False, "next_at <= :at", now),
                    (False, "next_at > :at", now + rules.FAR),
                )
            )
        )
        items = await self._table.read_again([item for answer in answers for item in answer])
        stored = [delivery_items.row_of(item).delivery for item in items]
        due = [delivery for delivery in stored if rules.is_due(delivery, now)]
        due.sort(key=lambda delivery: (not delivery.ended, delivery.next_at))
        return due[:limit]

    async def _query_index(self, partition: str, when: str, at: float, limit: int) -> list[Item]:
        return await self._table.query(
            f"news = :partition AND {when}",
            {":partition": partition, ":at": at},
            index=delivery_items.INDEX,
            limit=limit,
        )

    async def get(self, job_id: str, target: Target) -> Delivery | None:
        item = await self._table.get(delivery_items.key_of(job_id, target))
        return delivery_items.row_of(item).delivery if item else None

    async def settle(self, delivery: Delivery) -> None:
        """As `JobStore.settle`."""
        for _ in range(_TRIES):
            item = await self._table.get(delivery_items.key_of(delivery.job_id, delivery.target))
            if item is None:
                return
            row = delivery_items.row_of(item)
            after = row.become(rules.settle(row.delivery, delivery))
            with suppress(ConditionFailed):
                await self._table.write(delivery_action(row, after, item.get("ttl")))
                return
        raise Busy(retry_after=1)

    async def redeliver(self, job_id: str, *, now: float) -> None:
        """As `JobStore.redeliver`."""
        for _ in range(_TRIES):
            try:
                state, rows = await self.read_with_state(job_id)
            except JobNotFound:
                return
            if not rows:
                return
            job, ttl = job_items.job_of(state), state["ttl"]
            changes = [(row, row.become(rules.redeliver(row.delivery, job, now))) for row in rows]
            actions = [delivery_action(before, after, ttl) for before, after in changes]
            with suppress(ConditionFailed):
                await self._table.write(*actions)
                return
        raise Busy(retry_after=1)

    async def read_with_state(self, job_id: str) -> tuple[Item, list[Row]]:
        """A job's state item and its deliveries, of one moment. Raises JobNotFound."""
        items = await self._table.query_partition(f"job#{job_id}", prefix=job_items.STATE)
        if not items or items[0]["sk"] != job_items.STATE:
            raise JobNotFound
        return items[0], [delivery_items.row_of(item) for item in items[1:]]


def delivery_action(before: Row, after: Row, ttl: int | None) -> dict[str, Any]:
    """The part of a transaction that replaces one delivery, unless it changed meanwhile."""
    return put_action(
        delivery_items.item_of(after, ttl),
        condition="version = :version",
        values={":version": before.version},
    )
