"""What time does to jobs: queue the lost again, expire the old. It runs every minute on both targets."""

from __future__ import annotations

from contextlib import suppress

from common.errors import EscribaError, FileMissing, JobConflict, JobNotFound, UploadExpired
from common.jobs import state
from common.jobs.commit import commit_job
from common.jobs.submit import attach_put_audio
from common.log import log
from common.models import Job
from common.ports import StaleJob
from common.services import Services
from common.transcription.cache import forget

_BATCH = 100

# Seconds for which an erased job is still known, with the time when its text went.
_REMEMBER = 7 * 24 * 3600.0
# A job whose audio never came holds nothing: kept as long, many of them would fill the disk.
REMEMBER_WITHOUT_AUDIO = 3600.0

# Seconds for one round: what has to be deleted in time is, however many jobs strangers made.
_LONGEST_ROUND = 10.0


async def sweep(services: Services) -> None:
    """One round. What cannot be done now is done in a later one; one job's trouble does not stop it."""
    try:
        await requeue_overdue(services)
    finally:
        await expire_jobs(services)
    if services.cache:
        await services.cache.expire(now=services.now())


async def requeue_overdue(services: Services) -> None:
    """Queue jobs that nothing else brings back: a process died between a commit and the put after it."""
    for job in await services.jobs.overdue(now=services.now(), limit=_BATCH):
        with suppress(EscribaError):
            await services.queue.put(job.job_id, client=job.client)


async def expire_jobs(services: Services) -> None:
    """Fail, erase and remove jobs whose time is up."""
    until = services.now() + _LONGEST_ROUND
    while services.now() < until and await _expire_batch(services):
        pass


async def _expire_batch(services: Services) -> bool:
    """Whether there may be more that can be done now."""
    expired = await services.jobs.expired(now=services.now(), limit=_BATCH)
    done = 0
    for job in expired:
        try:
            await _expire(services, job)
            done += 1
        except (StaleJob, JobNotFound, state.IllegalTransition):
            continue  # it changed meanwhile; the next round sees what it became
        except EscribaError as exc:
            log("sweep.failed", level="WARNING", jobId=job.job_id, code=exc.code)
    return done > 0 and len(expired) == _BATCH


async def _expire(services: Services, job: Job) -> None:
    """The next step towards its removal: fail, erase, remove. A job that still has to run stays."""
    now = services.now()
    if job.erased_at is not None or (job.has_ended and job.audio is None):
        await services.audio.remove(job.job_id)
        await services.jobs.remove(job.job_id)
    elif job.status == "pending" and await services.audio.has_upload(job.job_id):
        # The audio came in time; that we have not taken it in yet is not its owner's fault.
        await services.queue.put(job.job_id, client=job.client)
        await _prolong(services, job, expires_at=services.upload_end(now))
    elif job.status == "pending" and await _takes_put_audio(services, job):
        return
    elif job.status == "pending":
        expires_at = now + REMEMBER_WITHOUT_AUDIO
        await commit_job(services, state.fail(job, UploadExpired(), now=now, expires_at=expires_at))
    elif not job.has_ended:
        await _prolong(services, job, expires_at=services.retention_end(now))
    else:
        await erase(services, job)


async def _takes_put_audio(services: Services, job: Job) -> bool:
    """Whether a client had put the audio into the store, and left before it could say so."""
    try:
        await attach_put_audio(services, job)
    except (FileMissing, JobConflict):
        return False
    return True


async def _prolong(services: Services, job: Job, *, expires_at: float) -> None:
    await commit_job(services, state.prolong(job, now=services.now(), expires_at=expires_at), "progress")


async def erase(services: Services, job: Job) -> Job:
    """Remove a job's audio and text, and remember for some days when."""
    await services.audio.remove(job.job_id)
    await services.jobs.erase_text(job.job_id)
    now = services.now()
    seconds = REMEMBER_WITHOUT_AUDIO if job.audio is None else _REMEMBER
    erased = await commit_job(services, state.erase(job, now=now, forget_at=now + seconds))
    await forget_text(services, job)
    return erased


async def forget_text(services: Services, job: Job) -> None:
    """Remove what the cache keeps of a job's recording; a run that keeps it looks for the erasure then."""
    if job.audio is not None:
        await forget(services, job.audio.sha256, owner=job.owner)
