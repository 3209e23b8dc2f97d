"""When jobs that wait will start: by the queue's fair turns, the workers, and the engine's quota. Pure.

An estimate: a run takes as long as the last ones took, and a recording is as long as its size suggests.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from common.jobs.fair_turns import cost_of
from common.queued_job import QueuedJob
from common.quota import Quota, amounts_of
from common.waiting_line import WaitingLine

# A second of a recording, in bytes, where nobody has looked into it: mp3 and AAC at 128 kbit/s.
_BYTES_PER_SECOND = 16_000
# A job starts when the quota has room for its first piece, and no more than so many seconds of it.
_FIRST_PIECE = 600.0
_UNKNOWN_SECONDS = 300.0


@dataclass(frozen=True, slots=True)
class Pace:
    """`at_once` jobs run side by side, `running` of them now; each takes about `run_seconds`."""

    at_once: int
    running: int
    run_seconds: float


def forecast(jobs: Sequence[QueuedJob], *, now: float, pace: Pace, quota: Quota | None) -> dict[str, float]:
    """When each of the waiting jobs starts, in epoch seconds."""
    starts: dict[str, float] = {}
    quota = quota.advance(now) if quota else None
    seconds_ahead = 0.0
    for place, job in enumerate(in_turn(jobs, now=now)):
        seconds = seconds_of(job.size_bytes)
        by_worker = now + _until_free(place, pace)
        by_quota = now + _until_allowed(quota, seconds_ahead + min(seconds, _FIRST_PIECE), now)
        starts[job.job_id] = max(by_worker, by_quota, job.due_at, now)
        seconds_ahead += seconds
    return starts


def in_turn(jobs: Iterable[QueuedJob], *, now: float) -> Iterator[QueuedJob]:
    """The jobs in the order in which workers take them up, as far as nobody knows whose turn it was last.

    Those that are not due yet come last.
    """
    by_due = sorted(jobs, key=lambda job: job.due_at)
    lines: dict[str | None, WaitingLine[QueuedJob]] = {}
    for job in by_due:
        if job.due_at <= now:
            lines.setdefault(job.client, WaitingLine()).add(job.user_id or "", job)
    heads = [(0.0, place, client) for place, client in enumerate(lines)]
    while heads:
        start, place, client = heapq.heappop(heads)
        if following := lines[client].pop_next():
            job = following[1]
            yield job
            cost = cost_of(job.size_bytes, is_first_run=job.is_first_run)
            heapq.heappush(heads, (start + cost, place, client))
    yield from (job for job in by_due if job.due_at > now)


def seconds_of(size_bytes: int | None) -> float:
    return _UNKNOWN_SECONDS if size_bytes is None else size_bytes / _BYTES_PER_SECOND


def size_of(seconds: float) -> int:
    """The opposite: for a recording that somebody asks about."""
    return int(seconds * _BYTES_PER_SECOND)


def _until_free(place: int, pace: Pace) -> float:
    """Seconds until a worker is free for the job at `place`; those that run are half done, on average."""
    before = place - max(pace.at_once - pace.running, 0)
    if before < 0:
        return 0.0
    rounds = before // pace.at_once
    return pace.run_seconds * (0.5 + rounds)


def _until_allowed(quota: Quota | None, seconds: float, now: float) -> float:
    """Seconds until the quota, as it is now, has let so much through; more than a bucket holds waits too."""
    if quota is None:
        return 0.0
    amounts = amounts_of(seconds)
    waits = [bucket.wait(amounts[name]) for name, bucket in quota.buckets.items()]
    return max(quota.shut_until - now, *waits, 0.0)
