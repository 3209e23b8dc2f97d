"""Deliveries as rows, one for each job and target; common/delivery/rules.py decides what each becomes.

A change names the deliveries that it was decided from, as this process saw them last. Where they are others
by now, the database returns those, and the change is decided again: mostly one round trip, two after another
instance's.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import replace

from common.delivery import rules
from common.errors import JobNotFound
from common.models import Job
from common.ports import Delivery, Target
from common.postgres.database import Database
from common.postgres.job_values import of_deliveries, to_deliveries, to_delivery

_NONE = "[]"
# The deliveries of so many jobs are remembered, as the database writes them.
_REMEMBERED = 128

COLUMNS = "job_id, target, wanted_seq, confirmed_seq, attempts, next_at, last_error, ended"

# Every row that the rule may find due, in the order of the index. Those it does not are few, since a row with
# no failed attempt is due within a second.
_CANDIDATES = f"""
    SELECT {COLUMNS}, client FROM escriba.deliveries JOIN (SELECT job_id, client FROM escriba.jobs) AS jobs
        USING (job_id)
    WHERE wanted_seq > confirmed_seq AND (next_at <= $1 OR next_at > $2 OR attempts = 0)
        AND ($3::text IS NULL OR target = $3)
    ORDER BY row_number() OVER (PARTITION BY client ORDER BY ended DESC, next_at), ended DESC, next_at
"""
_ONE = f"SELECT {COLUMNS} FROM escriba.deliveries WHERE job_id = $1 AND target = $2"
_REPLACE = "SELECT * FROM escriba.replace_deliveries($1, $2, $3)"

Decision = Callable[[Delivery], Delivery]
# Sends `known` and `wanted`, and returns the outcome with the deliveries as they are stored now.
Keep = Callable[[str, str], Awaitable[tuple[str, str]]]


class DeliveryRows:
    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: OrderedDict[str, str] = OrderedDict()

    async def change(self, job_id: str, decide: Decision, keep: Keep) -> None:
        """Decide what each delivery of a job becomes and `keep` it, until it was decided from what is
        stored.
        """
        while True:
            known = self._known.get(job_id, _NONE)
            outcome, stored = await keep(known, _decide(job_id, known, decide))
            self._remember(job_id, stored)
            if outcome != "changed":
                return

    async def settle(self, tried: Delivery) -> None:
        def decide(stored: Delivery) -> Delivery:
            return rules.settle(stored, tried) if stored.target == tried.target else stored

        await self._replace(tried.job_id, decide)

    async def redeliver(self, job_id: str, now: float) -> None:
        document = await self._database.value("SELECT document FROM escriba.jobs WHERE job_id = $1", job_id)
        if document is not None:
            job = Job.model_validate_json(document)
            await self._replace(job_id, lambda stored: rules.redeliver(stored, job, now))

    async def due(self, now: float, limit: int, target: Target | None) -> list[Delivery]:
        rows = await self._database.rows(_CANDIDATES, now, now + rules.FAR, target)
        candidates = (replace(to_delivery(row), client=row["client"]) for row in rows)
        return [found for found in candidates if rules.is_due(found, now)][:limit]

    async def get(self, job_id: str, target: Target) -> Delivery | None:
        row = await self._database.row(_ONE, job_id, target)
        return to_delivery(row) if row else None

    async def _replace(self, job_id: str, decide: Decision) -> None:
        async def keep(known: str, wanted: str) -> tuple[str, str]:
            row = await self._database.row(_REPLACE, job_id, known, wanted)
            if row is None:
                raise JobNotFound
            return row["outcome"], row["stored"]

        await self.change(job_id, decide, keep)

    def _remember(self, job_id: str, stored: str) -> None:
        self._known[job_id] = stored
        self._known.move_to_end(job_id)
        if len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)


def _decide(job_id: str, known: str, decide: Decision) -> str:
    """The deliveries that change."""
    changed = [after for before in to_deliveries(job_id, known) if (after := decide(before)) != before]
    return of_deliveries(changed) if changed else _NONE
