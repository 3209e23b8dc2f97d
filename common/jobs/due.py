"""When a worker may take a job up, and when nothing else will bring it to one; all pure."""

from __future__ import annotations

from common.models import Job

# Seconds: no job is meant to wait longer. A time further ahead is left by a clock that stepped back.
FAR = 86_400.0

# Seconds: a job this long past its time was missed, and does not merely wait for a busy worker.
OVERDUE_AFTER = 60.0


def due_time(job: Job) -> float | None:
    """When a worker may take the job up, unless a lease keeps it; None: no worker may."""
    if job.has_ended or job.status == "pending":
        return None
    return job.waiting_until or job.updated_at
