"""All jobs, page by page, newest first; and how many are at work, in whatever process."""

from __future__ import annotations

import math
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from common.models import Job, Status
from common.ports import Target

_BATCH = 100
# Jobs that one request may look at: a rare owner's are found over several pages.
_MOST_READ = 1000


class Position(NamedTuple):
    """A place in the order of jobs."""

    created_at: float
    job_id: str


START = Position(math.inf, "")


@dataclass(frozen=True, slots=True)
class JobFilter:
    """Which jobs are wanted; None and an empty set want all. Times are of their making."""

    statuses: frozenset[Status] = frozenset()
    owner: str | None = None
    user_id: str | None = None
    since: float = -math.inf
    until: float = math.inf

    def wants(self, job: Job) -> bool:
        return (
            (not self.statuses or job.status in self.statuses)
            and self.owner in {None, job.owner}
            and self.user_id in {None, job.user_id}
            and self.since <= job.created_at <= self.until
        )


@dataclass(frozen=True, slots=True)
class JobPage:
    """`rest` is where the next page begins; None where there is none."""

    jobs: list[Job]
    rest: Position | None = None


@dataclass(frozen=True, slots=True)
class Activity:
    """How many jobs wait or run, since when the longest has been due, and how many deliveries are open."""

    jobs: Mapping[Status, int] = field(default_factory=dict)
    oldest_due_at: float | None = None
    deliveries: Mapping[Target, int] = field(default_factory=dict)


class JobDirectory(Protocol):
    async def newest(self, wanted: JobFilter, *, after: Position, limit: int) -> JobPage:
        """Jobs in order, all that are wanted among the next `limit`; others may be among them."""

    async def activity(self, *, now: float) -> Activity: ...


async def list_jobs(
    directory: JobDirectory, wanted: JobFilter, *, after: Position = START, limit: int
) -> JobPage:
    """At most `limit` jobs. A page may hold fewer though more follow: then many others lay between."""
    found: list[Job] = []
    read = 0
    while read < _MOST_READ:
        page = await directory.newest(wanted, after=after, limit=_BATCH)
        for job in page.jobs:
            if wanted.wants(job):
                found.append(job)
            if len(found) == limit:
                return JobPage(found, Position(job.created_at, job.job_id))
        if page.rest is None:
            return JobPage(found)
        after = page.rest
        read += _BATCH
    return JobPage(found, after)


def write_cursor(position: Position) -> str:
    """A position as a word for an address."""
    text = f"{position.created_at!r} {position.job_id}"
    return urlsafe_b64encode(text.encode()).decode().rstrip("=")


def read_cursor(text: str) -> Position:
    """Raises ValueError."""
    raw = urlsafe_b64decode(text.encode() + b"=" * (-len(text) % 4)).decode()
    created_at, _, job_id = raw.partition(" ")
    position = Position(float(created_at), job_id)
    if not (job_id and job_id.isprintable() and math.isfinite(position.created_at)):
        raise ValueError(text)
    return position
