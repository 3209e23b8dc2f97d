"""From a request to a job that will end: the row first, then the audio, then the queue.

Whoever creates the row owns the id, so two submits at once cannot mix their recordings; a repeat of the
same request finds the same job and finishes what a crash left undone. Where the job's audio and text are
gone, a repeat starts its next run.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from common.errors import AudioGone, Busy, JobConflict, UploadExpired
from common.jobs import state
from common.jobs.commit import commit_job
from common.models import Audio, Job, Options
from common.ports import AlreadyExists, StaleJob, Target
from common.services import Services

# What a client is told to wait when the queue is full: about one short job's time.
_QUEUE_FULL_RETRY = 30.0


@dataclass(frozen=True, slots=True)
class JobRequest:
    """What a client asked for, checked."""

    job_id: str
    options: Options
    user_id: str | None = None
    callback_url: str | None = None
    locale: Literal["en", "es"] = "en"

    def fingerprint(self, audio: Audio | None) -> str:
        """The same for the same request, whatever language it was made in or the file was called."""
        told = [
            self.options.model_dump_json(),
            self.user_id,
            self.callback_url,
            audio.sha256 if audio else None,
        ]
        return hashlib.sha256(json.dumps(told).encode()).hexdigest()


async def check_room(services: Services) -> None:
    """Raises Busy when the queue is so long that another job would only wait for ever."""
    if await services.queue.backlog() >= services.settings.max_queue:
        raise Busy(retry_after=_QUEUE_FULL_RETRY)


async def expect(services: Services, wanted: JobRequest) -> Job:
    """A job whose audio will be posted later. Raises JobConflict when its id stands for something else."""
    return await _stand(services, wanted, audio=None)


async def submit(services: Services, wanted: JobRequest, file: Path, audio: Audio) -> Job:
    """A job with its audio; on return both are durable. Raises JobConflict, StorageFull."""
    job = await _stand(services, wanted, audio=audio)
    return await deliver(services, job, file, audio) if job.status == "pending" else job


async def deliver(services: Services, job: Job, file: Path, audio: Audio) -> Job:
    """The audio of a pending job has come; the same audio once more is harmless.

    Raises JobConflict for other audio than it has, UploadExpired when it ended without.
    """
    if job.status == "pending" and job.audio is None:
        job = await _named(services, job, audio)
    if job.audio is None:
        raise UploadExpired
    if job.audio.sha256 != audio.sha256:
        raise JobConflict
    return await _queued(services, job, file, job.audio) if job.status == "pending" else job


async def _named(services: Services, job: Job, audio: Audio) -> Job:
    """The job once it says which audio is its own: of two that come at once, the first one's."""
    try:
        return await commit_job(services, state.audio_comes(job, audio, now=services.now()), "progress")
    except StaleJob:
        return await services.jobs.get(job.job_id)


async def _queued(services: Services, job: Job, file: Path, audio: Audio) -> Job:
    await services.audio.keep(job.job_id, file)
    now = services.now()
    came = state.audio_came(job, audio, now=now, expires_at=services.kept_until(now))
    try:
        job = await commit_job(services, came)
    except StaleJob:
        # A twin came first, or the job was cancelled: then nobody else takes away what was kept here.
        job = await services.jobs.get(job.job_id)
        if job.status in {"completed", "cancelled"} or job.erased_at is not None:
            await services.audio.remove(job.job_id)
        return job
    await services.queue.put(job.job_id)
    return job


async def _stand(services: Services, wanted: JobRequest, *, audio: Audio | None) -> Job:
    """The job of this id: made now, or the one that stands if it was made by the same request."""
    now = services.now()
    fingerprint = wanted.fingerprint(audio)
    job = state.accept(
        wanted.job_id,
        options=wanted.options,
        now=now,
        expires_at=services.awaited_until(now),
        user_id=wanted.user_id,
        callback_url=wanted.callback_url,
        locale=wanted.locale,
        fingerprint=fingerprint,
    )
    job = state.promised(job, audio) if audio else job
    try:
        await services.jobs.create(job, state.event_of(job), targets=_targets(job, services))
    except AlreadyExists as exists:
        if exists.job.fingerprint != fingerprint:
            raise JobConflict from exists
        return await _submit_again(services, exists.job, audio)
    return job


async def _submit_again(services: Services, job: Job, audio: Audio | None) -> Job:
    """The job as it is; in its next run where nothing of it can be read or run any more."""
    now = services.now()
    if not _is_gone(job, now=now):
        return job
    # No piece or text of an earlier run may mix with this one's.
    await services.audio.remove(job.job_id)
    await services.jobs.erase_text(job.job_id)
    again = state.submit_again(job, audio=audio, now=now, expires_at=services.awaited_until(now))
    try:
        return await commit_job(services, again)
    except StaleJob:  # the same request came at the same time, and was first
        return await services.jobs.get(job.job_id)


def _is_gone(job: Job, *, now: float) -> bool:
    """Whether a job was deleted, has expired, or failed since its audio never came or is lost."""
    if not job.ended:
        return False
    lost_audio = job.error is not None and job.error.code in {AudioGone.code, UploadExpired.code}
    return lost_audio or job.erased_at is not None or job.expires_at <= now


def _targets(job: Job, services: Services) -> tuple[Target, ...]:
    wanted: dict[Target, bool] = {"convex": "convex" in services.senders, "callback": bool(job.callback_url)}
    return tuple(target for target, is_wanted in wanted.items() if is_wanted)
