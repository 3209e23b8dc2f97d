"""What a person may do with a job: read it, end it and erase what it holds, run it again."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from common.errors import Busy, JobExpired
from common.jobs import state, text_state
from common.jobs.commit import commit_job
from common.jobs.limits import check_job_limits
from common.jobs.sweep import erase, forget_text
from common.jobs.view import iso_time
from common.models import Job
from common.ports import StaleJob
from common.services import Services

T = TypeVar("T")

# A running job commits about once a second: losing this many races in a row is no longer chance.
_TRIES = 20


def text_expired_at(job: Job, *, now: float) -> float | None:
    """When the text of a completed or failed job was erased, or is due to be; None while it can be read."""
    if job.status not in {"completed", "failed"}:
        return None
    if job.erased_at is not None:
        return job.erased_at
    return job.expires_at if job.expires_at <= now else None


async def get_readable(services: Services, job_id: str) -> Job:
    """The job. Raises JobNotFound, JobExpired."""
    job = await services.jobs.get(job_id)
    expired_at = text_expired_at(job, now=services.now())
    if expired_at is not None:
        raise JobExpired(when=iso_time(expired_at))
    return job


async def discard(services: Services, job_id: str) -> Job:
    """End the job in whatever state it is and remove its audio and text. Repeating it is harmless.

    Raises JobNotFound.
    """
    return await repeat_while_stale(lambda: _discard(services, job_id))


async def stop(services: Services, job_id: str) -> Job:
    """End the job; its audio and pieces are kept for a retry. One that has ended gets no speakers any more,
    and is else left as it is.

    Raises JobNotFound.
    """
    return await repeat_while_stale(lambda: _stop(services, job_id))


async def _stop(services: Services, job_id: str) -> Job:
    job = await services.jobs.get(job_id)
    if not job.has_ended:
        now = services.now()
        job = await commit_job(services, state.cancel(job, now=now, expires_at=services.retention_end(now)))
    elif not text_state.is_final(job):
        job = await commit_job(services, text_state.drop_speakers(job, now=services.now()))
        await services.audio.remove(job_id)
    services.cancel_run(job_id)
    return job


async def _discard(services: Services, job_id: str) -> Job:
    job = await _stop(services, job_id)
    if job.erased_at is None:
        return await erase(services, job)
    # Once more, for what a run that was ending just then may have kept.
    await services.audio.remove(job_id)
    await services.jobs.erase_text(job_id)
    await forget_text(services, job)
    return job


async def retry(services: Services, job_id: str) -> Job:
    """Begin the next run: `queued`, or `pending` where its audio is no longer kept.

    Raises JobNotFound, JobNotRetryable, Busy.
    """
    await check_job_limits(services, (await services.jobs.get(job_id)).client)
    return await repeat_while_stale(lambda: _retry(services, job_id))


async def _retry(services: Services, job_id: str) -> Job:
    job = await services.jobs.get(job_id)
    now = services.now()
    has_audio = job.audio is not None and await services.audio.has(job_id)
    if has_audio or job.source_url is not None:
        again = state.retry(job, now=now, expires_at=services.retention_end(now), has_audio=has_audio)
        if not has_audio:
            await services.jobs.erase_text(job_id)
        await commit_job(services, again)
        await services.queue.put(job_id, client=job.client)
        return again
    again = state.retry(job, now=now, expires_at=services.upload_end(now), has_audio=False)
    # Pieces of the audio that was removed must never be mixed with pieces of what is posted now.
    await services.jobs.erase_text(job_id)
    return await commit_job(services, again)


async def repeat_while_stale(step: Callable[[], Awaitable[T]]) -> T:
    """Repeat a step that reads, decides and commits, for as long as somebody else commits first."""
    for _ in range(_TRIES):
        try:
            return await step()
        except StaleJob:
            continue
    raise Busy(retry_after=1)
