"""The recording of a job that names an address: a run fetches it once, then it is kept as any other."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from common.cancellation import run_to_end
from common.download.fetch import Downloaded, fetch
from common.download.limits import limits_of
from common.errors import JobNotFound
from common.jobs import download_state
from common.jobs.running_job import ProgressReports, RunningJob
from common.models import Audio
from common.services import Services


async def download_if_missing(services: Services, running: RunningJob, folder: Path) -> None:
    """Fetch the recording, unless the job has one already. Raises what fetching raises.

    What was fetched but not kept is fetched again by the next run.
    """
    job = running.job
    if job.source_url is None or (job.audio is not None and await services.audio.has(job.job_id)):
        return
    reports = ProgressReports(running, now=services.now)

    def report(received: int, total: int | None) -> None:
        reports.report_change(
            lambda job: download_state.download(job, received=received, total=total, now=services.now())
        )

    limits = limits_of(services.settings, max_bytes=services.settings.max_job_upload_bytes)
    got = await fetch(job.source_url, folder, limits=limits, on_progress=report)
    await reports.finish()
    await _keep(services, running, got)


async def _keep(services: Services, running: RunningJob, got: Downloaded) -> None:
    job = running.job
    if job.audio is not None and job.audio.sha256 != got.sha256:
        await services.jobs.erase_text(job.job_id)  # pieces of another recording than this one
    audio = Audio(size_bytes=got.size_bytes, sha256=got.sha256, filename=got.filename)
    try:
        # To its end, since a cancellation removes what was kept.
        await run_to_end(services.audio.keep(job.job_id, got.path))
        await running.change(lambda job: download_state.attach(job, audio, now=services.now()))
    except BaseException:
        await run_to_end(_remove_if_ended(services, job.job_id))
        raise


async def _remove_if_ended(services: Services, job_id: str) -> None:
    """A job that was cancelled meanwhile has removed its recording already: only we know of this one."""
    with suppress(JobNotFound):
        if not (await services.jobs.get(job_id)).has_ended:
            return
    await services.audio.remove(job_id)
