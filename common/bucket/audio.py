"""`AudioStore` in a bucket with S3's API: recordings under `audio/`, named by their job."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

from common.bucket.address import BucketAddress
from common.bucket.half_uploads import abort_half_uploads
from common.bucket.objects import BucketObjects, ObjectMissing
from common.errors import AudioGone, JobNotFound, StoreUnavailable
from common.jobs.ids import parse_job_id
from common.ports import UploadTicket
from common.storage_budget import StorageBudget
from common.upload.ticket import UploadTickets

_KEPT = "audio/"
_BATCH = 500

# Lists cost what writes cost, so an idle bucket is listed this often: seconds.
_SWEEP_EVERY = 3600.0
# Before an upload the bytes of other instances are counted again, unless that was done so recently.
_COUNT_EVERY = 60.0


class BucketAudio:
    """At most `budget_bytes` in the bucket, whichever instances store them. `now` is epoch seconds.

    Made without effect: call `open` first. Calls raise StoreUnavailable while the bucket does not answer.
    """

    def __init__(
        self,
        address: BucketAddress,
        *,
        budget_bytes: int,
        tickets: UploadTickets,
        now: Callable[[], float],
        half_upload_seconds: float = 3600,
    ) -> None:
        self._address = address
        self._objects = BucketObjects(address)
        self._budget = StorageBudget(budget_bytes)
        self._tickets = tickets
        self._now = now
        self._half_upload_seconds = half_upload_seconds
        self._counted_at = self._swept_at = -math.inf

    @property
    def problem(self) -> str | None:
        return self._objects.problem

    async def open(self) -> None:
        """Raises SettingInvalid where the bucket refuses these settings."""
        await self._objects.check()

    async def keep(self, job_id: str, file: Path) -> None:
        key = _key(job_id)
        if self._now() - self._counted_at > _COUNT_EVERY:
            await self._recount()
        size_bytes = (await asyncio.to_thread(file.stat)).st_size
        with self._budget.reserve(lambda: size_bytes) as reservation:
            await self._objects.put(key, file)
            reservation.store(lambda: size_bytes)
        await asyncio.to_thread(file.unlink)

    async def fetch(self, job_id: str, folder: Path) -> Path:
        target = folder / job_id
        try:
            await self._objects.get(_key(job_id), target)
        except ObjectMissing:
            raise AudioGone from None
        return target

    async def has(self, job_id: str) -> bool:
        return await self._objects.size(_key(job_id)) is not None

    async def has_upload(self, job_id: str) -> bool:  # noqa: ARG002
        """What a client posts comes to an instance, which keeps it at once."""
        return False

    async def remove(self, job_id: str) -> None:
        try:
            await self._objects.delete(_key(job_id))
        except StoreUnavailable:
            self._swept_at = -math.inf  # the next sweep finds it, whenever the last one was
            raise

    async def ticket(
        self, job_id: str, *, max_bytes: int, now: float, until: float = math.inf
    ) -> UploadTicket:
        _key(job_id)
        return self._tickets.issue(job_id, max_bytes=max_bytes, now=now, until=until)

    def admit(self, job_id: str, fields: Mapping[str, str], *, now: float) -> int:
        return self._tickets.check(job_id, fields, now=now)

    async def sweep(self, find_needed: Callable[[list[str]], Awaitable[set[str]]]) -> int:
        """Once an hour, remove recordings that no job needs and uploads that nobody goes on with.

        `find_needed` answers which of some job ids still need theirs. A job is made before its recording is
        kept, so a recording without a job was left by a kill.
        """
        if self._now() - self._swept_at < _SWEEP_EVERY:
            return 0
        job_ids = await self._recount()
        removed = 0
        for first in range(0, len(job_ids), _BATCH):
            batch = job_ids[first : first + _BATCH]
            for job_id in set(batch) - await find_needed(batch):
                await self.remove(job_id)
                removed += 1
        await abort_half_uploads(self._address, older_than=self._half_upload_seconds, now=self._now)
        self._swept_at = self._now()
        return removed

    async def _recount(self) -> list[str]:
        """Count the bytes in the bucket; the ids of the jobs that have a recording there."""
        stored = [entry async for batch in self._objects.list(_KEPT) for entry in batch]
        total = sum(size_bytes for _, size_bytes in stored)
        self._budget.recount(lambda: total)
        self._counted_at = self._now()
        return [name for name, _ in stored if _is_job_id(name)]


def _key(job_id: str) -> str:
    """Raises JobNotFound unless it is a job id in its one spelling, so that no id names another key."""
    if parse_job_id(job_id) != job_id:
        raise JobNotFound
    return _KEPT + job_id


def _is_job_id(name: str) -> bool:
    try:
        return parse_job_id(name) == name
    except JobNotFound:
        return False
