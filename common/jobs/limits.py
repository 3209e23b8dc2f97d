"""How many jobs and bytes one client may have in the store, checked before a request's body is read.

Requests that come at the same moment are checked apart from each other, so that a client can exceed a bound
by as many as the server receives at once.
"""

from __future__ import annotations

from dataclasses import dataclass

from common.access.caller import is_limited, whose
from common.access.ledger import share_of
from common.errors import Busy, TooManyJobs, TooManyUploadsExpected, TooMuchStored
from common.models import Limits
from common.services import Services
from common.settings import MB, Settings

# Seconds after which a client may try a full queue again: about the time of one short job.
_QUEUE_FULL_RETRY = 30.0


@dataclass(frozen=True, slots=True)
class JobLimits:
    """What one client may have: jobs that wait or run, jobs whose audio has not come, bytes of recordings."""

    jobs: int
    pending: int
    stored_bytes: int


def job_limits(own: Limits, settings: Settings) -> JobLimits:
    """`own` are those of the client's key."""
    share = settings.client_share
    return JobLimits(
        jobs=own.jobs or share_of(settings.max_queue, share),
        pending=share_of(settings.max_pending, share),
        stored_bytes=own.stored_mb * MB if own.stored_mb else share_of(settings.storage_bytes, share),
    )


async def check_queue_length(services: Services) -> None:
    """Raises Busy when the queue is full."""
    if await services.queue.backlog() >= services.settings.max_queue:
        raise Busy(retry_after=_QUEUE_FULL_RETRY)


async def check_job_limits(services: Services, client: str | None, *, size_bytes: int = 0) -> None:
    """Raises TooManyJobs, TooMuchStored, and Busy when the queue is full for everybody."""
    await check_queue_length(services)
    if client is None or not is_limited(client):
        return
    limits = job_limits(await services.access.limits_of(client), services.settings)
    held = await services.jobs.held_by(client)
    if held.jobs >= limits.jobs:
        raise TooManyJobs(retry_after=_QUEUE_FULL_RETRY, whose=whose(client), limit=limits.jobs)
    if held.stored_bytes and held.stored_bytes + size_bytes > limits.stored_bytes:
        limit = limits.stored_bytes // MB
        raise TooMuchStored(retry_after=_QUEUE_FULL_RETRY, whose=whose(client), limit=limit)


async def check_pending_limits(services: Services, client: str) -> None:
    """For a job whose audio is to come. Raises TooManyUploadsExpected, and Busy when there are too many."""
    held = await services.jobs.held_by(client)
    wait = services.settings.upload_ticket_seconds
    limits = job_limits(await services.access.limits_of(client), services.settings)
    if is_limited(client) and held.pending >= limits.pending:
        raise TooManyUploadsExpected(retry_after=wait, whose=whose(client), limit=limits.pending)
    if held.pending_of_all >= services.settings.max_pending:
        raise Busy(retry_after=wait)
