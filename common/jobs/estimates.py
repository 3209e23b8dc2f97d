"""The forecast for the jobs of this deployment, of what queue and quota say at most once a second."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from common.errors import EscribaError
from common.jobs.forecast import Pace, forecast, size_of
from common.models import Job
from common.queued_job import QueuedJob
from common.quota import Quota
from common.services import Services

# Jobs that are listed; a further one has no estimate.
_LISTED = 1000
_NEW = "new"


@dataclass(frozen=True)
class Backlog:
    """The jobs that wait, at one moment; None where the queue cannot be listed."""

    jobs: list[QueuedJob] | None
    pace: Pace
    quota: Quota | None
    at: float

    @cached_property
    def starts(self) -> dict[str, float]:
        return self._forecast([])

    def start_of(self, job: QueuedJob) -> float:
        """Of one that came since."""
        return self._forecast([job])[job.job_id]

    def _forecast(self, others: list[QueuedJob]) -> dict[str, float]:
        return forecast([*(self.jobs or ()), *others], now=self.at, pace=self.pace, quota=self.quota)


async def start_of(services: Services, job: Job) -> float | None:
    """When a job that waits will start; None for another one, and where the queue cannot be listed."""
    if job.status not in {"queued", "waiting"}:
        return None
    backlog = await _backlog(services)
    if backlog.jobs is None:
        return job.waiting_until
    if job.job_id in backlog.starts:
        return backlog.starts[job.job_id]
    return max(services.now(), backlog.start_of(_queued(job)))


async def start_of_new(
    services: Services, seconds: float, *, client: str | None = None, max_age: float | None = None
) -> float | None:
    """When a recording of so many seconds would start if it were submitted now.

    Queue and quota are read again where what is known of them is older than `max_age` seconds.
    """
    backlog = await _backlog(services, max_age=max_age)
    if backlog.jobs is None:
        return None
    new = QueuedJob(_NEW, client, None, backlog.at, size_of(seconds), is_first_run=True)
    return max(services.now(), backlog.start_of(new))


def _queued(job: Job) -> QueuedJob:
    due_at = job.updated_at if job.waiting_until is None else job.waiting_until
    size_bytes = job.audio.size_bytes if job.audio else job.total_bytes
    is_first_run = job.started_at is None
    return QueuedJob(job.job_id, job.client, job.user_id, due_at, size_bytes, is_first_run=is_first_run)


async def _backlog(services: Services, *, max_age: float | None = None) -> Backlog:
    backlog: Backlog = await services.backlog.get(lambda: _read(services), seconds=max_age)
    return backlog


async def _read(services: Services) -> Backlog:
    active, settings = services.active, services.settings
    pace = Pace(settings.jobs_at_once, active.jobs, active.run_seconds)
    try:
        jobs = await services.queue.waiting(limit=_LISTED)
        quota = await services.quota.read() if services.quota and jobs is not None else None
    except EscribaError:
        jobs, quota = None, None
    return Backlog(jobs, pace, quota, services.now())
