"""`AudioStore` in a bucket with S3's API: recordings under `audio/`, and what clients put under `uploads/`.

They are apart so that a second put to the same address can never replace a recording that is being read.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from pathlib import Path

from common.bucket.address import BucketAddress
from common.bucket.half_uploads import abort_half_uploads
from common.bucket.objects import BucketObjects, Description, ObjectMissing
from common.bucket.signature import presign
from common.errors import AudioGone, Busy, JobNotFound, StoreUnavailable, UploadTooLarge
from common.jobs.ids import parse_job_id
from common.models import Audio
from common.ports import UploadTicket
from common.settings import MB
from common.storage_budget import StorageBudget
from common.upload.ticket import UploadTickets

_KEPT = "audio/"
_PUT = "uploads/"
_BATCH = 500
_RETRY_AFTER = 1.0

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
        self._budget_bytes = budget_bytes
        self._budget = StorageBudget(budget_bytes)
        self._promises: dict[str, tuple[int, float]] = {}  # bytes and end of each address that was given out
        self._tickets = tickets
        self._now = now
        self._half_upload_seconds = half_upload_seconds
        self._counted_at = self._swept_at = -math.inf

    @property
    def problem(self) -> str | None:
        return self._objects.problem

    @property
    def used_bytes(self) -> int:
        return self._budget.used_bytes

    async def open(self) -> None:
        """Raises SettingInvalid where the bucket refuses these settings."""
        await self._objects.check()

    async def keep(self, job_id: str, file: Path) -> None:
        key = _key(job_id)
        await self._recount_if_old()
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
        return await self._objects.describe(_key(job_id)) is not None

    async def has_upload(self, job_id: str) -> bool:  # noqa: ARG002
        """What a client posts comes to an instance, which keeps it at once."""
        return False

    async def adopt(self, job_id: str, *, max_bytes: int) -> Audio | None:
        """Copied within the bucket, so that no byte comes here. Raises UploadTooLarge, Busy.

        The budget had room for it when the address was given out.
        """
        kept, put = _key(job_id), _key(job_id, _PUT)
        before = await self._objects.describe(put)
        if before is None:  # or it was adopted by a request whose answer was lost
            before = await self._objects.describe(kept)
            return _audio_of(job_id, before) if before else None
        if before.size_bytes > max_bytes:  # not every provider holds an upload to the size that was signed
            await self._objects.delete(put)
            raise UploadTooLarge(limit_mb=max_bytes // MB)
        await self._objects.copy(put, kept)
        if await self._objects.describe(put) != before:
            raise Busy(retry_after=_RETRY_AFTER)  # it was replaced meanwhile: then once more
        self._budget.change(lambda: before.size_bytes)
        await self._objects.delete(put)
        self._promises.pop(job_id, None)
        return _audio_of(job_id, before)

    async def remove(self, job_id: str) -> None:
        try:
            await self._objects.delete(_key(job_id), _key(job_id, _PUT))
        except StoreUnavailable:
            self._swept_at = -math.inf  # the next sweep finds it, whenever the last one was
            raise

    async def ticket(
        self,
        job_id: str,
        *,
        max_bytes: int,
        now: float,
        until: float = math.inf,
        size_bytes: int = 0,
    ) -> UploadTicket:
        """With a `direct_url` where the size is known: the signature covers it, so no other size is taken."""
        ticket = self._tickets.issue(job_id, max_bytes=max_bytes, now=now, until=until)
        if not 0 < size_bytes <= max_bytes or not await self._promise(job_id, size_bytes, ticket.expires_at):
            return ticket
        direct_url = presign(
            self._address,
            "PUT",
            self._address.prefix + _key(job_id, _PUT),
            now=now,
            seconds=max(1, int(ticket.expires_at - now)),
            headers={"content-length": str(size_bytes)},
        )
        return replace(ticket, direct_url=direct_url)

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

    async def _promise(self, job_id: str, size_bytes: int, until: float) -> bool:
        """Whether a client may put so many bytes into the bucket: what it does there, we see only later."""
        await self._recount_if_old()
        now = self._now()
        self._promises = {name: held for name, held in self._promises.items() if held[1] > now}
        promised = sum(held for name, (held, _) in self._promises.items() if name != job_id)
        if self._budget.used_bytes + promised + size_bytes > self._budget_bytes:
            return False
        self._promises[job_id] = size_bytes, until
        return True

    async def _recount_if_old(self) -> None:
        if self._now() - self._counted_at > _COUNT_EVERY:
            await self._recount()

    async def _recount(self) -> list[str]:
        """Count the bytes in the bucket; the ids of the jobs that have or had a recording there."""
        stored = [
            entry for prefix in (_KEPT, _PUT) async for batch in self._objects.list(prefix) for entry in batch
        ]
        total = sum(size_bytes for _, size_bytes in stored)
        self._budget.recount(lambda: total)
        self._counted_at = self._now()
        return sorted({name for name, _ in stored if _is_job_id(name)})


def _audio_of(job_id: str, description: Description) -> Audio:
    """Nobody here has read its bytes, so its identity is the bucket's, and holds for this job alone."""
    return Audio(size_bytes=description.size_bytes, sha256=f"put:{job_id}:{description.etag}")


def _key(job_id: str, prefix: str = _KEPT) -> str:
    """Raises JobNotFound unless it is a job id in its one spelling, so that no id names another key."""
    if parse_job_id(job_id) != job_id:
        raise JobNotFound
    return prefix + job_id


def _is_job_id(name: str) -> bool:
    try:
        return parse_job_id(name) == name
    except JobNotFound:
        return False
