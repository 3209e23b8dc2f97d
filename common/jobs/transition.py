"""What all transitions of a job share: what they require, and how the next value is made. Pure."""

from __future__ import annotations

from typing import Any

from common.models import Audio, Job, Status

NO_WAIT: dict[str, Any] = {"waiting_until": None, "waiting_for": None}


class IllegalTransition(Exception):
    """The transition cannot follow the job's state: the job ended, or the caller is late."""


def require(job: Job, *statuses: Status) -> None:
    if job.status not in statuses:
        raise IllegalTransition(f"{job.status} is none of {', '.join(statuses)}")


def next_value(job: Job, now: float, **changes: Any) -> Job:
    # A clock that stepped back must not make a job look younger than its last change.
    return job.model_copy(update={**changes, "seq": job.seq + 1, "updated_at": max(now, job.updated_at)})


def forward(job: Job, reached: float) -> float:
    return round(max(job.progress, reached), 1)


def named_audio(audio: Audio, job: Job) -> Audio:
    """The submitted name wins over the form's: S3 passes none on, and browsers call a page's Blob `blob`."""
    return audio.model_copy(update={"filename": job.filename or audio.filename})
