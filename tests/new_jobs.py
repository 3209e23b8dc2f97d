"""New jobs for tests that do not submit them."""

from __future__ import annotations

from typing import Any

from common.jobs import state
from common.models import Audio, Job, Options


def queued_job(
    job_id: str, *, audio: Audio, now: float, expires_at: float, options: Options | None = None, **fields: Any
) -> Job:
    """A queued job as its first value: `seq` is 1, though a submit commits a pending job before it."""
    pending = state.accept(job_id, options=options or Options(), now=now, expires_at=expires_at, **fields)
    queued = state.queue(pending, audio, now=now, expires_at=expires_at)
    return queued.model_copy(update={"seq": pending.seq})
