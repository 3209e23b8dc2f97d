"""The forecast for the jobs of this deployment, read from queue and quota at most once a second."""

from __future__ import annotations

from common.errors import EscribaError
from common.jobs.forecast import Pace, forecast, size_of
from common.models import Job
from common.queued_job import QueuedJob
from common.services import Services

# Jobs that are listed; a further one has no estimate.
_LISTED = 1000
_NEW = "new"
_NOTHING: dict[str, float] = {}


async def start_of(services: Services, job: Job) -> float | None:
    """When a job that waits will start; None for another one, and where the queue cannot be listed."""
    if job.status not in {"queued", "waiting"}:
        return None
    starts = await services.starts.get(lambda: _read(services))
    if job.job_id not in starts:  # it came since; one that a worker has just taken up is in no list
        starts = await _read(services)
    if starts is _NOTHING:
        return job.waiting_until
    return starts.get(job.job_id, services.now())


async def start_of_new(services: Services, seconds: float, *, client: str | None = None) -> float | None:
    """When a recording of so many seconds would start if it were submitted now."""
    try:
        jobs = await services.queue.waiting(limit=_LISTED)
    except EscribaError:
        return None
    if jobs is None:
        return None
    new = QueuedJob(_NEW, client, None, services.now(), size_of(seconds), is_first_run=True)
    return (await _forecast(services, [*jobs, new]))[_NEW]


async def _read(services: Services) -> dict[str, float]:
    """Nothing where the queue cannot be listed."""
    try:
        jobs = await services.queue.waiting(limit=_LISTED)
        return _NOTHING if jobs is None else await _forecast(services, jobs)
    except EscribaError:
        return _NOTHING


async def _forecast(services: Services, jobs: list[QueuedJob]) -> dict[str, float]:
    quota = await services.quota.read() if services.quota else None
    active, settings = services.active, services.settings
    pace = Pace(settings.jobs_at_once, active.jobs, active.run_seconds)
    return forecast(jobs, now=services.now(), pace=pace, quota=quota)
