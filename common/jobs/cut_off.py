"""A run that is cut off, by a shutdown or the end of a worker's time.

The cut may fall between a commit and what comes after it, or into a commit, which may have gone through or
not. So what the store says counts.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress

from common.errors import EscribaError
from common.jobs import state
from common.jobs.lease import Renew
from common.jobs.needless_audio import remove_needless_audio
from common.jobs.running_job import RunningJob
from common.ports import LeaseLost, StaleJob
from common.services import Services

TIMEOUT = 5.0  # seconds: a shutdown does not wait longer for a store that is locked


async def give_back(services: Services, running: RunningJob, renew_at: Renew) -> None:
    """The job goes back to the queue, and that is no attempt; one that has ended loses a needless recording.

    `renew_at` renews the lease of the run, and raises LeaseLost where another run has the job by now.
    """
    with suppress(state.IllegalTransition, StaleJob, LeaseLost, EscribaError, TimeoutError):
        async with asyncio.timeout(TIMEOUT):
            try:
                await running.change(lambda job: state.give_back(job, now=services.now()))
            except (StaleJob, state.IllegalTransition):
                running.job = await services.jobs.get(running.job.job_id)
                if running.job.has_ended:
                    await remove_needless_audio(services, running.job)
                    return
                await renew_at(services.now())
                await running.change(lambda job: state.give_back(job, now=services.now()))
