"""A recording that a client posted to S3 becomes the recording of its pending job."""

from __future__ import annotations

import asyncio
import hashlib
import tempfile
from pathlib import Path

from common.aws.s3_audio import S3Audio
from common.errors import AudioGone, FileEmpty, JobConflict, JobNotFound, UploadExpired
from common.jobs.refused_upload import fail_pending
from common.jobs.submit import attach_audio
from common.log import log
from common.models import Audio
from common.services import Services


async def accept_posted_audio(services: Services, store: S3Audio, job_id: str) -> None:
    """Keep it and queue its job. Called again, or too late, it only removes what was posted."""
    with tempfile.TemporaryDirectory(dir=services.scratch, prefix="posted-") as folder:
        try:
            file = await store.fetch_posted(job_id, Path(folder))
        except AudioGone:
            return
        audio = await asyncio.to_thread(_describe, file)
        try:
            if audio.size_bytes:
                await attach_audio(services, await services.jobs.get(job_id), file, audio)
            else:
                await fail_pending(services, job_id, FileEmpty())
        except (JobNotFound, JobConflict, UploadExpired) as exc:
            log("upload.refused", level="WARNING", jobId=job_id, code=exc.code)
    await store.remove_posted(job_id)


def _describe(file: Path) -> Audio:
    """Without a name: S3 passes none on, and the job has the one that was submitted."""
    with file.open("rb") as opened:
        digest = hashlib.file_digest(opened, "sha256").hexdigest()
    return Audio(size_bytes=file.stat().st_size, sha256=digest)
