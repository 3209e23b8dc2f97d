"""A job run by a worker whose own time is limited: at its end the run is cancelled and what it kept stays."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Literal

from common.errors import Interrupted, JobNotFound
from common.jobs import state
from common.jobs.commit import commit_job
from common.jobs.run import run_job
from common.jobs.text_state import is_final
from common.log import log
from common.models import Job
from common.ports import LeaseLost, StaleJob
from common.services import Services

# cut: the time was up · dropped: the store could not keep the run's work
# left: it has ended, waits, or another runs it · pending: its audio has yet to be taken in
# completed: it has its text now, and its speakers are to come · unlabelled: so it was before
Outcome = Literal["completed", "cut", "dropped", "left", "pending", "unlabelled"]


@dataclass(frozen=True, slots=True)
class Shift:
    """How it ended, and whether it kept a new piece, or the voices of another stretch."""

    outcome: Outcome
    has_new_piece: bool = True


async def work_shift(services: Services, job_id: str, holder: str, *, seconds: float) -> Shift:
    """Run a job for at most `seconds`; the caller queues again what was cut or dropped."""
    before = await _find(services, job_id)
    if before is None or is_final(before):
        return Shift("left")
    if before.has_ended:
        return Shift("unlabelled")
    if before.status == "pending":
        return Shift("pending")
    kept_before = await _count_kept(services, before)
    try:
        async with asyncio.timeout(seconds):
            await run_job(services, job_id, holder, isolated=True)
    except TimeoutError:
        has_new_piece = await _count_kept(services, before) > kept_before
        log("shift.cut", jobId=job_id, gained=has_new_piece)
        return Shift("cut", has_new_piece)
    if await _is_dropped(services, job_id, holder):
        return Shift("dropped")
    after = await _find(services, job_id)
    return Shift("completed" if after and after.has_ended and not is_final(after) else "left")


async def give_up(services: Services, job_id: str) -> None:
    """Fail a job that keeps no new piece however often it runs."""
    now = services.now()
    try:
        job = await services.jobs.get(job_id)
        error = Interrupted(attempts=services.settings.max_attempts)
        await commit_job(services, state.fail(job, error, now=now, expires_at=services.retention_end(now)))
    except (JobNotFound, StaleJob, state.IllegalTransition):
        return  # it ended, or another worker took it up meanwhile


async def _count_kept(services: Services, job: Job) -> int:
    """What later runs need not do again: pieces, and stretches whose voices are known."""
    pieces = await services.jobs.pieces(job.job_id)
    if services.voices is None or not job.options.speakers:
        return len(pieces)
    return len(pieces) + await services.voices.count(job.job_id)


async def _find(services: Services, job_id: str) -> Job | None:
    try:
        return await services.jobs.get(job_id)
    except JobNotFound:
        return None


async def _is_dropped(services: Services, job_id: str, holder: str) -> bool:
    """Whether the run ended with no lease on a job that should run now."""
    try:
        job = await services.jobs.lease(job_id, holder, now=services.now(), seconds=1)
    except (LeaseLost, JobNotFound):
        return False
    await services.jobs.release(job_id, holder)
    return job.status in {"queued", "processing"}
