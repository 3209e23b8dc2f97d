"""Adds speakers to a job's text; keeps embeddings as they are made, so that a crash costs one stretch."""

from __future__ import annotations

from pathlib import Path

from common.jobs import progress
from common.jobs.running_job import ProgressReports, RunningJob, retry_while_busy
from common.jobs.transition import forward, next_value, require
from common.models import Job, Transcript
from common.services import Services
from common.transcription.pipeline import PreparedRecording
from common.transcription.speakers import add_speakers


async def add_job_speakers(
    services: Services,
    running: RunningJob,
    recording: PreparedRecording,
    transcript: Transcript,
    folder: Path,
    *,
    holder: str,
) -> Transcript:
    """The transcript with speakers if the job wants them. The end of the job deletes what the store keeps."""
    voices, job_id, options = services.voices, running.job.job_id, running.job.options
    if voices is None or not options.speakers:
        return transcript
    reports = ProgressReports(running, now=services.now)

    async def keep(index: int, packed: bytes) -> None:
        await retry_while_busy(lambda: voices.keep(job_id, index, packed, holder=holder))

    def report(share: float) -> None:
        reports.report_change(lambda job: listen(job, share=share, now=services.now()))

    kept = await retry_while_busy(lambda: voices.kept(job_id))
    labelled = await add_speakers(
        services, recording, transcript, options, folder, kept=kept, keep=keep, on_share=report
    )
    await reports.finish()
    return labelled


def listen(job: Job, *, share: float, now: float) -> Job:
    """The text is whole; `share` (0 to 1) of the voices are known."""
    require(job, "processing")
    return next_value(job, now, stage="speakers", progress=forward(job, progress.of_listening(share)))
