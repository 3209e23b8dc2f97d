"""A job run by somebody whose own time is short: what is not done then is kept, and the job is put back."""

from __future__ import annotations

import asyncio
from typing import Literal

from common.errors import Interrupted, JobNotFound
from common.jobs import state
from common.jobs.announce import record
from common.jobs.run import run_job
from common.log import log
from common.ports import LeaseLost, StaleJob
from common.services import Services

# done: ended, waiting or somebody else's · cut: time was up · dropped: the store could not keep how it went
Outcome = Literal["done", "cut", "dropped"]


async def work_shift(services: Services, job_id: str, holder: str, *, seconds: float) -> tuple[Outcome, bool]:
    """Run a job for at most `seconds`; the outcome, and whether any new piece was kept.

    A job that was cut waits to be run again at once: whoever calls puts it in the queue.
    """
    before = len(await services.jobs.chunks(job_id))
    try:
        async with asyncio.timeout(seconds):
            await run_job(services, job_id, holder)
    except TimeoutError:
        gained = len(await services.jobs.chunks(job_id)) > before
        log("shift.cut", jobId=job_id, gained=gained)
        return "cut", gained
    return ("dropped" if await _left_open(services, job_id, holder) else "done"), True


async def give_up(services: Services, job_id: str) -> None:
    """End a job that gets nowhere however often it is run."""
    now = services.now()
    expires_at = now + services.settings.retention_hours * 3600
    try:
        job = await services.jobs.get(job_id)
        error = Interrupted(attempts=services.settings.max_attempts)
        await record(services, state.fail(job, error, now=now, expires_at=expires_at))
    except (JobNotFound, StaleJob, state.Illegal):
        return  # it was ended or taken up meanwhile


async def _left_open(services: Services, job_id: str, holder: str) -> bool:
    """Whether the run stopped with nobody's lease on a job that should run now."""
    try:
        job = await services.jobs.lease(job_id, holder, now=services.now(), seconds=1)
    except (LeaseLost, JobNotFound):
        return False
    await services.jobs.release(job_id, holder)
    return job.status in {"queued", "processing"}
