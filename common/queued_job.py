"""A job that waits for a worker, as a queue lists it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class QueuedJob:
    """`size_bytes` of its recording is None until that is known; `is_first_run` until a worker took it up.

    `due_at` is when it may start, in epoch seconds.
    """

    job_id: str
    client: str | None
    user_id: str | None
    due_at: float
    size_bytes: int | None
    is_first_run: bool
