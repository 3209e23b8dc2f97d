"""What time does to jobs: bring back the lost, let go of the old. Run every minute, in both homes."""

from __future__ import annotations

from contextlib import suppress

from common.errors import EscribaError, JobNotFound, UploadExpired
from common.jobs import state
from common.jobs.commit import commit_job
from common.log import log
from common.models import Job
from common.ports import StaleJob
from common.services import Services

_AT_ONCE = 100

# How long it is remembered that a job was, and when its text went, before its id is unknown.
_REMEMBERED = 7 * 24 * 3600.0
# A job whose audio never came holds nothing to remember: whoever asks for many would else fill the disk.
_UNHEARD = 3600.0

# Seconds for one round: what people were promised is deleted in time, however many jobs strangers made.
_LONGEST_ROUND = 10.0


async def sweep(services: Services) -> None:
    """One round. What cannot be done now is done in a later one; one job's trouble does not stop it."""
    try:
        await revive(services)
    finally:
        await let_all_go(services)


async def let_all_go(services: Services) -> None:
    """Fail, erase and forget what has had its time."""
    until = services.now() + _LONGEST_ROUND
    while services.now() < until and await _let_some_go(services):
        pass


async def _let_some_go(services: Services) -> bool:
    """Whether there may be more that can be done now."""
    expired = await services.jobs.expired(now=services.now(), limit=_AT_ONCE)
    done = 0
    for job in expired:
        try:
            await _let_go(services, job)
            done += 1
        except (StaleJob, JobNotFound, state.IllegalTransition):
            continue  # it changed meanwhile; the next round sees what it became
        except EscribaError as exc:
            log("sweep.failed", level="WARNING", jobId=job.job_id, code=exc.code)
    return done > 0 and len(expired) == _AT_ONCE


async def revive(services: Services) -> None:
    """Jobs that no queue will bring back: a process died between a commit and the put that follows it."""
    for job in await services.jobs.overdue(now=services.now(), limit=_AT_ONCE):
        with suppress(EscribaError):
            await services.queue.put(job.job_id)


async def _let_go(services: Services, job: Job) -> None:
    """The next step on the way to oblivion: fail, erase, forget. What still waits to run goes on waiting."""
    now = services.now()
    if job.erased_at is not None or (job.ended and job.audio is None):
        await services.audio.remove(job.job_id)
        await services.jobs.remove(job.job_id)
    elif job.status == "pending" and await services.audio.posted(job.job_id):
        # It came in time; that nobody has taken it in yet is no fault of whoever posted it.
        await services.queue.put(job.job_id)
        until = services.awaited_until(now)
        await commit_job(services, state.prolong(job, now=now, expires_at=until), "progress")
    elif job.status == "pending":
        await commit_job(services, state.fail(job, UploadExpired(), now=now, expires_at=now + _UNHEARD))
    elif not job.ended:
        await commit_job(
            services, state.prolong(job, now=now, expires_at=services.kept_until(now)), "progress"
        )
    else:
        await erase(services, job)


async def erase(services: Services, job: Job) -> Job:
    """Remove a job's audio and text, and remember for some days when."""
    await services.audio.remove(job.job_id)
    await services.jobs.erase_text(job.job_id)
    now = services.now()
    remembered = _UNHEARD if job.audio is None else _REMEMBERED
    return await commit_job(services, state.erase(job, now=now, forget_at=now + remembered))
