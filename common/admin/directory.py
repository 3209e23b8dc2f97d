"""All jobs and the deliveries that fail, page by page; and how many are at work, in whatever process."""

from __future__ import annotations

import math
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Generic, NamedTuple, Protocol, TypeVar

from common.models import Job, Status
from common.ports import Delivery, Target
from common.wait_reasons import WaitReason, wait_reason

Row = TypeVar("Row")

_BATCH = 100
# Jobs that one request may look at: a rare owner's are found over several pages.
_MOST_READ = 1000


class Position(NamedTuple):
    """A place in an order by time; `key` tells apart what is of one moment."""

    at: float
    key: str


START = Position(math.inf, "")  # of jobs, newest first
FIRST = Position(-math.inf, "")  # of deliveries, in the order of their next tries


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
class Page(Generic[Row]):
    """`rest` is where the next page begins; None where there is none."""

    rows: list[Row]
    rest: Position | None = None


@dataclass(frozen=True, slots=True)
class Waiting:
    """So many jobs wait for one reason; the first of them `until` then, None where nobody knows."""

    jobs: int
    until: float | None


@dataclass(frozen=True, slots=True)
class Activity:
    """How many jobs wait or run, since when the longest has been due, why those that wait do, and how many
    deliveries are open.
    """

    jobs: Mapping[Status, int] = field(default_factory=dict)
    oldest_due_at: float | None = None
    waiting: Mapping[WaitReason, Waiting] = field(default_factory=dict)
    deliveries: Mapping[Target, int] = field(default_factory=dict)


class JobDirectory(Protocol):
    async def newest(self, wanted: JobFilter, *, after: Position, limit: int) -> Page[Job]:
        """Jobs in order, all that are wanted among the next `limit`; others may be among them."""

    async def failing(self, *, after: Position, limit: int) -> Page[Delivery]:
        """Deliveries whose last try failed, the next try first, and those that were refused, by the time of
        that. A page may be shorter.
        """

    async def activity(self, *, now: float) -> Activity: ...


async def list_jobs(
    directory: JobDirectory, wanted: JobFilter, *, after: Position = START, limit: int
) -> Page[Job]:
    """At most `limit` jobs. A page may hold fewer though more follow: then many others lay between."""
    found: list[Job] = []
    read = 0
    while read < _MOST_READ:
        page = await directory.newest(wanted, after=after, limit=_BATCH)
        for job in page.rows:
            if wanted.wants(job):
                found.append(job)
            if len(found) == limit:
                return Page(found, Position(job.created_at, job.job_id))
        if page.rest is None:
            return Page(found)
        after = page.rest
        read += _BATCH
    return Page(found, after)


def position_of(delivery: Delivery) -> Position:
    return Position(delivery.next_at, f"{delivery.job_id} {delivery.target}")


def delivery_page(found: list[Delivery], *, limit: int) -> Page[Delivery]:
    """Of all that were found after a position, one more than `limit` where there are more."""
    page = found[:limit]
    return Page(page, position_of(page[-1]) if len(found) > limit else None)


def write_cursor(position: Position) -> str:
    """A position as a word for an address."""
    text = f"{position.at!r} {position.key}"
    return urlsafe_b64encode(text.encode()).decode().rstrip("=")


def read_cursor(text: str) -> Position:
    """Raises ValueError."""
    raw = urlsafe_b64decode(text.encode() + b"=" * (-len(text) % 4)).decode()
    at, _, key = raw.partition(" ")
    position = Position(float(at), key)
    if not (key and key.isprintable() and math.isfinite(position.at)):
        raise ValueError(text)
    return position


class Counted(NamedTuple):
    """A line of a store's count: so many jobs of a status and reason, all due or none, the first then."""

    status: Status
    reason: str | None  # of one that waits
    jobs: int
    due_at: float


def activity_of(counted: Iterable[Counted], deliveries: Mapping[Target, int], *, now: float) -> Activity:
    """A job whose time has come waits for a place, whatever it waited for before."""
    jobs: Counter[Status] = Counter()
    waiting: dict[WaitReason, Waiting] = {}
    due = []
    for status, reason, number, due_at in counted:
        jobs[status] += number
        if status == "processing":
            continue
        why: WaitReason = "place" if status == "queued" or due_at <= now else wait_reason(reason or "")
        if due_at <= now:
            due.append(due_at)
        before = waiting.get(why, Waiting(0, None))
        until = None if why == "place" else min(due_at, before.until or due_at)
        waiting[why] = Waiting(before.jobs + number, until)
    return Activity(jobs, min(due, default=None), waiting, deliveries)
