"""What becomes of a job while it fetches its recording from an address: pure transitions, as in state.py."""

from __future__ import annotations

from common.jobs import progress
from common.jobs.transition import forward, named_audio, next_value, require
from common.models import Audio, Job


def expect(job: Job, url: str, *, expires_at: float) -> Job:
    """A new job that fetches its audio itself: a worker may take it up at once."""
    return job.model_copy(
        update={"source_url": url, "status": "queued", "stage": "queue", "expires_at": expires_at}
    )


def download(job: Job, *, received: int, total: int | None, now: float) -> Job:
    """So many bytes of the recording have come from its address."""
    require(job, "processing")
    share = received / total if total else 0.0
    return next_value(
        job,
        now,
        stage="download",
        received_bytes=received,
        total_bytes=total,
        progress=forward(job, progress.of_downloading(min(share, 1.0))),
    )


def attach(job: Job, audio: Audio, *, now: float) -> Job:
    """The recording from the job's address is kept."""
    require(job, "processing")
    return next_value(
        job, now, stage="prepare", audio=named_audio(audio, job), received_bytes=None, total_bytes=None
    )
