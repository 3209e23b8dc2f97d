"""A recording that a client posted to S3 becomes the recording of its pending job."""

from __future__ import annotations

import asyncio
import hashlib
import tempfile
from pathlib import Path

from common.aws.s3_audio import S3Audio
from common.errors import AudioGone, JobConflict, JobNotFound, UploadExpired
from common.jobs.submit import attach_audio
from common.log import log
from common.models import Audio
from common.services import Services


async def posted(services: Services, store: S3Audio, job_id: str) -> None:
    """Take it in and put the job in the queue; told twice, or too late, it only tidies up."""
    with tempfile.TemporaryDirectory(dir=services.scratch, prefix="posted-") as folder:
        try:
            file = await store.fetch_posted(job_id, Path(folder))
        except AudioGone:
            return
        audio = await asyncio.to_thread(_described, file)
        try:
            await attach_audio(services, await services.jobs.get(job_id), file, audio)
        except (JobNotFound, JobConflict, UploadExpired) as exc:
            log("upload.refused", level="WARNING", jobId=job_id, code=exc.code)
    await store.remove_posted(job_id)


def _described(file: Path) -> Audio:
    with file.open("rb") as opened:
        digest = hashlib.file_digest(opened, "sha256").hexdigest()
    return Audio(size_bytes=file.stat().st_size, sha256=digest)
