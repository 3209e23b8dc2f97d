"""Keeps the text of a job for equal recordings."""

from __future__ import annotations

from common.errors import EscribaError
from common.models import Job, Transcript
from common.services import Services
from common.transcription.cache import forget, remember


async def remember_unless_erased(services: Services, job: Job, transcript: Transcript) -> None:
    """Keep the text for equal recordings, unless the job was deleted just now: deleted text is gone."""
    assert job.audio is not None
    sha256 = job.audio.sha256
    await remember(services, sha256, job.options, transcript, owner=job.owner)
    try:
        is_erased = (await services.jobs.get(job.job_id)).erased_at is not None
    except EscribaError:  # it is removed, or nobody can tell
        is_erased = True
    if is_erased:
        await forget(services, sha256, owner=job.owner)
