"""`SpeakerTasks` over the jobs' table: while speakers are to come, a completed job's own item is its task.

Such a job has no other use for its due time and its lease, so the sweep finds it as it finds a job that runs.
The commit of the job makes the task and ends it. docs/decisions/speakers-later.md
"""

from __future__ import annotations

from common.aws import job_items, lease_updates
from common.aws.dynamo_voices import DynamoVoices
from common.aws.table import ConditionFailed, Table
from common.aws.table_requests import Update
from common.errors import JobNotFound
from common.ports import LeaseLost
from common.speaker_tasks_port import SpeakerTask


class DynamoSpeakerTasks:
    """All calls may raise Busy, StorageBroken."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._voices = DynamoVoices(table)

    async def claim(self, job_id: str, holder: str, *, now: float, seconds: float) -> SpeakerTask | None:
        """Lease the task of a job, and count the attempt; None where it has none that is free and due."""
        try:
            item = await self._table.update(
                lease_updates.claim_speakers(job_id, holder, now=now, seconds=seconds)
            )
        except ConditionFailed:
            return None
        return SpeakerTask(job_id, item[job_items.SPEAKER_ATTEMPTS])

    async def due_at(self, job_id: str, *, now: float) -> float | None:
        """From when on the task of a job may be claimed; None where it has none, or somebody runs it."""
        item = await self._table.get(job_items.key_of(job_id))
        if item is None or item["status"] != "completed" or lease_updates.is_leased(item, now):
            return None
        return item.get("due_at")

    async def renew(self, job_id: str, holder: str, *, now: float, seconds: float) -> None:
        await self._change(lease_updates.renew(job_id, holder, now=now, seconds=seconds), job_id)

    async def give_back(self, job_id: str, holder: str, *, due_at: float, attempts: int) -> None:
        update = lease_updates.give_back_speakers(job_id, holder, due_at=due_at, attempts=attempts)
        await self._change(update, job_id)

    async def keep(self, job_id: str, index: int, packed: bytes, *, holder: str) -> None:
        try:
            await self._voices.keep(job_id, index, packed, holder=holder)
        except JobNotFound:
            raise LeaseLost(job_id) from None

    async def kept(self, job_id: str) -> dict[int, bytes]:
        return await self._voices.kept(job_id)

    async def _change(self, update: Update, job_id: str) -> None:
        try:
            await self._table.update(update)
        except ConditionFailed:
            raise LeaseLost(job_id) from None
