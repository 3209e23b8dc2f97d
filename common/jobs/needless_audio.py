"""Removes the recording of a job that has ended where it is of no more use, long before the job expires."""

from __future__ import annotations

from common.errors import AudioRefused, by_code
from common.jobs.text_state import is_final
from common.models import Job
from common.services import Services


async def remove_needless_audio(services: Services, job: Job) -> None:
    """Harmless again. Who runs a refused job anew in that very moment has to send its recording again."""
    if is_audio_needless(job):
        await services.audio.remove(job.job_id)


def is_audio_needless(job: Job) -> bool:
    """The job has all it asked for, or its recording was refused.

    Such a recording would be refused again: if we kept them, ten files of noise would fill the storage for
    days. Another job that failed may be run again with its recording.
    """
    if job.error is None:
        return job.status == "completed" and is_final(job)
    return job.status == "failed" and issubclass(by_code(job.error.code), AudioRefused)
