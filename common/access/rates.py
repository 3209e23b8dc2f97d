"""How many requests each client sends: one token bucket a client, in this process alone.

A request costs no look into a store. Where several instances serve, each counts what it gets.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from dataclasses import dataclass

from common.access.caller import Caller, is_limited
from common.token_bucket import CLOCK_JITTER, MINUTE

# Clients that are remembered; the one that was silent for longest is forgotten first.
_REMEMBERED = 10_000

# A wait is rounded up by this, so that floating point cannot make it end a moment too early.
_GRAIN = 0.001


@dataclass(frozen=True, slots=True)
class Rate:
    """What is left of a client's requests a minute; in `full_in` seconds all is left.

    `retry_after` is 0, or the seconds after which the request that was refused may come again.
    """

    limit: int
    remaining: int
    full_in: float
    retry_after: float = 0.0


class _Use:
    """What a client had used `at`; it drains wholly in a minute, as `token_bucket.Bucket` does."""

    __slots__ = ("at", "used")

    def __init__(self, at: float) -> None:
        self.at = at
        self.used = 0.0

    def advance(self, now: float, limit: int) -> None:
        """A small step back of the clock changes nothing, a large one is a correction."""
        if now < self.at - CLOCK_JITTER:
            self.at = now
        passed = max(0.0, now - self.at)
        self.used = max(0.0, self.used - passed * limit / MINUTE)
        self.at += passed


class RequestRates:
    """`per_minute` requests for a client whose key says nothing else.

    Plain numbers: the frozen buckets of accounts would cost each request ten times as much.
    """

    def __init__(self, per_minute: int = 600) -> None:
        self._per_minute = per_minute
        self._uses: OrderedDict[str, _Use] = OrderedDict()
        self.refused = 0

    def take(self, caller: Caller, now: float) -> Rate | None:
        """Count one request, unless it is refused; None for a caller without such a limit."""
        client = caller.client
        if not is_limited(client):
            return None
        use = self._uses.get(client)
        if use is None:
            use = self._uses[client] = _Use(now)
            if len(self._uses) > _REMEMBERED:
                self._uses.popitem(last=False)
        self._uses.move_to_end(client)
        limit = self._limit_of(caller)
        use.advance(now, limit)
        wait = (use.used + 1 - limit) * MINUTE / limit
        if wait > 0:
            self.refused += 1
            return _rate(use, limit, retry_after=wait + _GRAIN)
        use.used += 1
        return _rate(use, limit)

    def look(self, caller: Caller, now: float) -> Rate | None:
        """As `take`, but nothing is counted."""
        if not caller.is_limited:
            return None
        limit = self._limit_of(caller)
        use = self._uses.get(caller.client) or _Use(now)
        use.advance(now, limit)
        return _rate(use, limit)

    def _limit_of(self, caller: Caller) -> int:
        return caller.limits.requests_per_minute or self._per_minute


def _rate(use: _Use, limit: int, *, retry_after: float = 0.0) -> Rate:
    left = max(0, math.floor(limit - use.used + 1e-9))
    return Rate(limit, left, use.used * MINUTE / limit, retry_after)
