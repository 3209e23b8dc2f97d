"""Whether the recording of a job that has ended is of no more use, long before the job expires. Pure."""

from __future__ import annotations

from common.errors import AudioRefused, by_code
from common.jobs.text_state import is_final
from common.models import Job


def is_audio_needless(job: Job) -> bool:
    """The job has all it asked for, or its recording was refused.

    Such a recording would be refused again: if we kept them, ten files of noise would fill the storage for
    days. Another job that failed may be run again with its recording.
    """
    if job.error is None:
        return job.status == "completed" and is_final(job)
    return job.status == "failed" and issubclass(by_code(job.error.code), AudioRefused)
