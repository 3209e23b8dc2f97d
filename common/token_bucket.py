"""Token buckets: what was used of a limit drains steadily. Pure arithmetic, no I/O, no clock.

What was used drains at `limit / period`. Over any time t at most `limit × (1 + t / period)` is let through.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Self

from pydantic import Field, ValidationError

from common.value import Value

MINUTE, HOUR, DAY = 60.0, 3600.0, 86400.0

# Clocks of two machines, or one that is being adjusted, differ by less; a real step back is more.
CLOCK_JITTER = 60.0

# A wait is rounded up to this, so that floating point cannot make it end a moment too early.
_GRAIN = 0.001


class Bucket(Value):
    """`used` of `limit` was taken when last looked at; it drains wholly in `period` seconds.

    A pinned limit comes from the settings.
    """

    limit: float = Field(gt=0)
    period: float = Field(gt=0)
    used: float = Field(0.0, ge=0)
    pinned: bool = False

    def drain(self, seconds: float) -> Bucket:
        return self.replace(used=max(0.0, self.used - seconds * self.limit / self.period))

    def take(self, amount: float) -> Bucket:
        return self.replace(used=self.used + amount)

    def give_back(self, amount: float, after: float) -> Bucket:
        """Return what of `amount` has not drained in the `after` seconds since it was taken."""
        left = max(0.0, amount - after * self.limit / self.period)
        return self.replace(used=max(0.0, self.used - left))

    def wait(self, amount: float) -> float:
        """Seconds until `amount` fits."""
        return max(0.0, (self.used + amount - self.limit) * self.period / self.limit)

    def replace(self, *, used: float | None = None, limit: float | None = None) -> Bucket:
        return self.model_copy(
            update={
                "used": self.used if used is None else used,
                "limit": self.limit if limit is None else limit,
            }
        )


class Account(Value):
    """Buckets that are taken from together, as they were `at` (epoch seconds).

    Methods take `now` and return a new account; a `now` before `at` never gives anything back.
    """

    at: float = 0.0

    @property
    def buckets(self) -> dict[str, Bucket]:
        """Every bucket by the name of its field."""
        return {name: value for name, value in self if isinstance(value, Bucket)}

    def each(self, change: Callable[[str, Bucket], Bucket]) -> Self:
        return self.model_copy(update={name: change(name, bucket) for name, bucket in self.buckets.items()})

    def advance(self, now: float) -> Self:
        """At `now`. A small step back of the clock changes nothing, a large one is a correction."""
        if now < self.at - CLOCK_JITTER:
            return self.model_copy(update={"at": now})
        passed = max(0.0, now - self.at)
        drained = self.each(lambda _, bucket: bucket.drain(passed))
        return drained.model_copy(update={"at": max(self.at, now)})

    def wait(self, now: float, seconds: float) -> float:
        """`seconds` after `at` as a wait from `now`, by a clock that may lag behind the one that set `at`."""
        lag = max(0.0, self.at - now)
        return (math.floor((seconds + lag) / _GRAIN) + 2) * _GRAIN

    def resume(self, stored: str | bytes) -> Self:
        """The account whose JSON was stored, with this one's pinned limits, and without those pinned before.

        What another version stored, and this one cannot read, counts as nothing: the account begins anew.
        """
        try:
            account = type(self).model_validate_json(stored)
        except ValidationError:
            return self
        limits = self.buckets

        def apply_limit(name: str, bucket: Bucket) -> Bucket:
            start = limits[name]
            return start.replace(used=bucket.used) if start.pinned or bucket.pinned else bucket

        return account.each(apply_limit)


class Budget(Account):
    """One bucket, such as a month's pushes."""

    bucket: Bucket

    def take(self, now: float, amount: float = 1.0) -> tuple[Budget, float]:
        """The budget after it, and 0; or the budget as it was, and the seconds until `amount` fits."""
        current = self.advance(now)
        if wait := current.bucket.wait(amount):
            return self, current.wait(now, wait)
        return current.model_copy(update={"bucket": current.bucket.take(amount)}), 0.0
