"""Adds speakers to a job's text; keeps what was heard as it comes, so that a crash costs one stretch."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from common.errors import EscribaError
from common.jobs import progress
from common.jobs.running_job import ProgressReports, RunningJob, retry_while_busy
from common.jobs.transition import forward, next_value, require
from common.log import log
from common.models import Job, Transcript
from common.services import Services
from common.transcription.pipeline import PreparedRecording
from common.transcription.speakers import find_speakers, without_speakers


class JobText(NamedTuple):
    """The text with which a job completes; its speakers may be still to come."""

    transcript: Transcript
    awaits_speakers: bool = False


async def add_job_speakers(
    services: Services,
    running: RunningJob,
    recording: PreparedRecording,
    transcript: Transcript,
    folder: Path,
    *,
    holder: str,
) -> JobText:
    """The text with speakers if the job wants them, unless they take so long that they come later.

    The end of the job deletes what the store keeps, or leaves it to the task that goes on with it.
    """
    voices, job_id, options = services.voices, running.job.job_id, running.job.options
    if voices is None or not options.speakers:
        return JobText(transcript)
    may_come_later = services.settings.speakers_later and services.speaker_tasks is not None
    wait = services.settings.longest_speakers_wait
    if may_come_later and not wait:
        return JobText(transcript, awaits_speakers=True)
    reports = ProgressReports(running, now=services.now)

    async def keep(index: int, packed: bytes) -> None:
        await retry_while_busy(lambda: voices.keep(job_id, index, packed, holder=holder))

    def report(share: float) -> None:
        reports.report_change(lambda job: listen(job, share=share, now=services.now()))

    try:
        labelled = await find_speakers(
            services,
            recording,
            transcript,
            options,
            folder,
            seconds=wait,
            kept=await retry_while_busy(lambda: voices.kept(job_id)),
            keep=keep,
            on_share=report,
        )
    except (EscribaError, TimeoutError) as exc:
        if may_come_later:
            log("speakers.later", jobId=job_id, code=getattr(exc, "code", "timeout"))
            return JobText(transcript, awaits_speakers=True)
        return JobText(without_speakers(transcript, exc))
    finally:
        await reports.finish()
    return JobText(labelled)


def listen(job: Job, *, share: float, now: float) -> Job:
    """The text is whole; `share` (0 to 1) of the voices are known."""
    require(job, "processing")
    return next_value(job, now, stage="speakers", progress=forward(job, progress.of_listening(share)))
