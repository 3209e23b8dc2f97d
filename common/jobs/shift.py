"""A job run by somebody whose own time is short: what is not done then is kept, and the job is put back."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Literal

from common.errors import Interrupted, JobNotFound
from common.jobs import state
from common.jobs.commit import commit_job
from common.jobs.run import run_job
from common.log import log
from common.models import Job
from common.ports import LeaseLost, StaleJob
from common.services import Services

# cut: its time was up · dropped: the store could not keep how it went · left: it waits, or is somebody else's
# pending: its audio has yet to be taken in
Outcome = Literal["ended", "cut", "dropped", "left", "pending"]


@dataclass(frozen=True, slots=True)
class Shift:
    """How it went, and whether any new piece was kept."""

    outcome: Outcome
    gained: bool = True


async def work_shift(services: Services, job_id: str, holder: str, *, seconds: float) -> Shift:
    """Run a job for at most `seconds`; whoever calls queues again what was cut or dropped."""
    before = await _standing(services, job_id)
    if before is None or before.ended:
        return Shift("left")
    if before.status == "pending":
        return Shift("pending")
    kept = len(await services.jobs.pieces(job_id))
    try:
        async with asyncio.timeout(seconds):
            await run_job(services, job_id, holder, isolated=True)
    except TimeoutError:
        gained = len(await services.jobs.pieces(job_id)) > kept
        log("shift.cut", jobId=job_id, gained=gained)
        return Shift("cut", gained)
    if await _left_open(services, job_id, holder):
        return Shift("dropped")
    after = await _standing(services, job_id)
    return Shift("ended" if after and after.ended else "left")


async def _standing(services: Services, job_id: str) -> Job | None:
    try:
        return await services.jobs.get(job_id)
    except JobNotFound:
        return None


async def give_up(services: Services, job_id: str) -> None:
    """End a job that gets nowhere however often it is run."""
    now = services.now()
    try:
        job = await services.jobs.get(job_id)
        error = Interrupted(attempts=services.settings.max_attempts)
        await commit_job(services, state.fail(job, error, now=now, expires_at=services.kept_until(now)))
    except (JobNotFound, StaleJob, state.IllegalTransition):
        return  # it was ended or taken up meanwhile


async def _left_open(services: Services, job_id: str, holder: str) -> bool:
    """Whether the run stopped with nobody's lease on a job that should run now."""
    try:
        job = await services.jobs.lease(job_id, holder, now=services.now(), seconds=1)
    except (LeaseLost, JobNotFound):
        return False
    await services.jobs.release(job_id, holder)
    return job.status in {"queued", "processing"}
