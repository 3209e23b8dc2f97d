"""What this process has counted since its start: plain numbers, cheap to add to, read when somebody asks."""

from __future__ import annotations

import time
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, fields, replace
from typing import Self

from common.errors import RetryLater
from common.wait_reasons import wait_reason

# Seconds: the upper bounds of the buckets, from a cached answer to an hour of audio by the embedded engine.
BOUNDS = (0.005, 0.025, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 120.0, 600.0)

# A method is any word that a stranger writes; a label may only be one of these.
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

# What a client gets when it asks for more than it, or all together, may have.
_LIMITS = frozenset({429, 503, 507})


@dataclass(slots=True)
class Durations:
    """How many durations fell into each bucket of `BOUNDS`, the last one without an upper bound."""

    counts: list[int] = field(default_factory=lambda: [0] * (len(BOUNDS) + 1))
    total: float = 0.0

    def add(self, seconds: float) -> None:
        self.counts[bisect_left(BOUNDS, seconds)] += 1
        self.total += seconds


def _counter() -> Counter[tuple[str, ...]]:
    return Counter()


def _sums() -> defaultdict[tuple[str, ...], float]:
    return defaultdict(float)


def _durations() -> defaultdict[str, Durations]:
    return defaultdict(Durations)


@dataclass(slots=True)
class Counters:
    """Every key is made of words that this program knows: no client can make the numbers many."""

    requests: Counter[tuple[str, ...]] = field(default_factory=_counter)  # method, route, status
    request_seconds: defaultdict[str, Durations] = field(default_factory=_durations)  # by route
    limits_hit: Counter[tuple[str, ...]] = field(default_factory=_counter)  # code
    audio_seconds: defaultdict[tuple[str, ...], float] = field(default_factory=_sums)  # engine, result
    pieces: Counter[tuple[str, ...]] = field(default_factory=_counter)  # engine, result
    engine_seconds: defaultdict[str, Durations] = field(default_factory=_durations)  # by engine
    jobs: Counter[tuple[str, ...]] = field(default_factory=_counter)  # status, code
    job_waits: Counter[tuple[str, ...]] = field(default_factory=_counter)  # reason
    deliveries: Counter[tuple[str, ...]] = field(default_factory=_counter)  # target, outcome
    cache: Counter[tuple[str, ...]] = field(default_factory=_counter)  # result

    def count_request(
        self, method: str, route: str | None, status: int | None, seconds: float, *, code: str | None = None
    ) -> None:
        """`route` is the template of the address, `seconds` until the answer began, `code` the error's.

        Without a status the client left before the answer: 499, as nginx writes it.
        """
        status = status or 499
        name = route or "unknown"
        self.requests[method if method in _METHODS else "other", name, str(status)] += 1
        self.request_seconds[name].add(seconds)
        if code and status in _LIMITS:
            self.limits_hit[(code,)] += 1

    @contextmanager
    def count_piece(self, engine: str, seconds: float) -> Iterator[None]:
        """Count a piece of `seconds` that the block sends to the engine, by what becomes of it."""
        start = time.perf_counter()
        result = "failed"
        try:
            yield
            result = "transcribed"
        except RetryLater:
            result = "postponed"
            raise
        finally:
            self.pieces[engine, result] += 1
            self.audio_seconds[engine, result] += seconds
            self.engine_seconds[engine].add(time.perf_counter() - start)

    def count_job(self, status: str, code: str | None) -> None:
        self.jobs[status, code or ""] += 1

    def count_wait(self, reason: str) -> None:
        self.job_waits[(wait_reason(reason),)] += 1

    def count_delivery(self, target: str, outcome: str) -> None:
        self.deliveries[target, outcome] += 1

    def count_recall(self, *, is_hit: bool) -> None:
        """A recording that was looked for in the cache."""
        self.cache[("hit" if is_hit else "miss",)] += 1

    def take(self) -> Self:
        """What was counted since the last call of this; the counters begin anew."""
        taken, fresh = replace(self), type(self)()
        for each in fields(self):
            setattr(self, each.name, getattr(fresh, each.name))
        return taken
