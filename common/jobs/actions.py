"""What a person may ask of a job: to read it, to end it and forget what it holds, to run it again."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from common.errors import Busy, JobExpired
from common.jobs import state
from common.jobs.commit import commit_job
from common.jobs.submit import check_room
from common.jobs.sweep import erase
from common.jobs.view import iso_time
from common.models import Job
from common.ports import StaleJob
from common.services import Services

T = TypeVar("T")

# A running job commits about once a second: losing this many races in a row is no longer chance.
_TRIES = 20


def gone_since(job: Job, *, now: float) -> float | None:
    """When the text of a completed or failed job went, or should have gone; None while it can be read."""
    if job.status not in {"completed", "failed"}:
        return None
    if job.erased_at is not None:
        return job.erased_at
    return job.expires_at if job.expires_at <= now else None


async def readable(services: Services, job_id: str) -> Job:
    """The job. Raises JobNotFound, JobExpired."""
    job = await services.jobs.get(job_id)
    gone = gone_since(job, now=services.now())
    if gone is not None:
        raise JobExpired(when=iso_time(gone))
    return job


async def discard(services: Services, job_id: str) -> Job:
    """End the job wherever it stands and remove its audio and text; again is harmless. Raises JobNotFound."""
    return await _until_fresh(lambda: _discard(services, job_id))


async def _discard(services: Services, job_id: str) -> Job:
    job = await services.jobs.get(job_id)
    if not job.ended:
        now = services.now()
        job = await commit_job(services, state.cancel(job, now=now, expires_at=services.kept_until(now)))
    services.cancel_run(job_id)
    if job.erased_at is None:
        return await erase(services, job)
    # Once more, for what a run that was ending just then may have kept.
    await services.audio.remove(job_id)
    await services.jobs.erase_text(job_id)
    return job


async def retry(services: Services, job_id: str) -> Job:
    """Begin the next run: `queued`, or `pending` where its audio is no longer kept.

    Raises JobNotFound, JobNotRetryable, Busy.
    """
    await check_room(services)
    return await _until_fresh(lambda: _retry(services, job_id))


async def _retry(services: Services, job_id: str) -> Job:
    job = await services.jobs.get(job_id)
    now = services.now()
    if job.audio is not None and await services.audio.has(job_id):
        again = state.retry(job, now=now, expires_at=services.kept_until(now), has_audio=True)
        await commit_job(services, again)
        await services.queue.put(job_id)
        return again
    again = state.retry(job, now=now, expires_at=services.awaited_until(now), has_audio=False)
    # Pieces of the audio that is gone must never be mixed with what is posted now.
    await services.jobs.erase_text(job_id)
    return await commit_job(services, again)


async def _until_fresh(step: Callable[[], Awaitable[T]]) -> T:
    """Decide anew for as long as others commit first."""
    for _ in range(_TRIES):
        try:
            return await step()
        except StaleJob:
            continue
    raise Busy(retry_after=1)
