"""A job whose recording was refused for good ends at once, instead of waiting for another."""

from __future__ import annotations

from common.errors import EscribaError, FileEmpty, JobNotFound, UploadTooLarge
from common.jobs import state
from common.jobs.commit import commit_job
from common.jobs.sweep import REMEMBER_WITHOUT_AUDIO
from common.ports import StaleJob
from common.services import Services

# What the same recording would meet again. Others, such as a slow client, may succeed at the next try.
FINAL: tuple[type[EscribaError], ...] = (FileEmpty, UploadTooLarge)


async def fail_pending(services: Services, job_id: str, refusal: EscribaError) -> None:
    """Fail a pending job with the refusal of its recording; one that has another recording goes on."""
    while True:
        try:
            job = await services.jobs.get(job_id)
            if job.status != "pending" or job.audio is not None:
                return
            now = services.now()
            failed = state.fail(job, refusal, now=now, expires_at=now + REMEMBER_WITHOUT_AUDIO)
            await commit_job(services, failed)
        except JobNotFound:
            return
        except StaleJob:  # it changed meanwhile
            continue
        else:
            return
