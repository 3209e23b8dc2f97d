"""Which jobs of the table should run or get their speakers, though no message and no lease brings them to a
worker.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from common.aws import job_items
from common.aws.lease_updates import is_leased
from common.aws.table import Table
from common.aws.table_requests import Item
from common.jobs.due import FAR
from common.models import Job


class OverdueJobs:
    """See `DynamoJobs` for `lost_after` and `count_messages`."""

    def __init__(
        self, table: Table, *, lost_after: float, count_messages: Callable[[], Awaitable[int]] | None
    ) -> None:
        self._table = table
        self._lost_after = lost_after
        self._count_messages = count_messages

    async def find(self, *, now: float, limit: int) -> list[Job]:
        """Jobs whose worker died, known by the lease it left, and jobs whose message was lost."""
        free = await self._free(now)
        left = [item for item in free if _was_left(item, now)]
        waiting = [item for item in free if item["due_at"] <= now and not _was_left(item, now)]
        lost = [item for item in waiting if item["due_at"] <= now - self._lost_after]
        if lost and self._count_messages:
            # The queue tells how many messages it holds, not for which jobs: so as many jobs as it has no
            # message for are lost, and no job gains a second message while there are enough.
            lost = lost[: max(0, len(waiting) - await self._count_messages())]
        return [job_items.job_of(item) for item in (left + lost)[:limit]]

    async def _free(self, now: float) -> list[Item]:
        """The jobs that are due and that no lease keeps, the longest due first."""
        index_items = [
            *await self._query_due("due_at <= :at", now),
            *await self._query_due("due_at > :at", now + FAR),
        ]
        items = [item for item in await self._table.read_again(index_items) if "due_at" in item]
        free = [item for item in items if not is_leased(item, now)]
        return sorted(free, key=lambda item: float(item["due_at"]))

    async def _query_due(self, when: str, at: float) -> list[Item]:
        return await self._table.query(
            f"due = :all AND {when}", {":all": "job", ":at": at}, index=job_items.DUE
        )


def _was_left(item: Item, now: float) -> bool:
    """Whether a worker died over a free job, or a clock stepped back."""
    due_at: float = item["due_at"]
    return due_at > now + FAR or ("lease_until" in item and due_at <= now)
