"""How many requests each client sends: one token bucket a client, in this process alone.

A request costs no look into a store. Where several instances serve, each counts what it gets.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from dataclasses import dataclass

from common.access.caller import Caller
from common.token_bucket import MINUTE, Bucket, Budget

# Clients that are remembered; the one that was silent for longest is forgotten first.
_REMEMBERED = 10_000


@dataclass(frozen=True, slots=True)
class Rate:
    """What is left of a client's requests a minute; in `full_in` seconds all is left.

    `retry_after` is 0, or the seconds after which the request that was refused may come again.
    """

    limit: int
    remaining: int
    full_in: float
    retry_after: float = 0.0


class RequestRates:
    """`per_minute` requests for a client whose key says nothing else."""

    def __init__(self, per_minute: int = 600) -> None:
        self._per_minute = per_minute
        self._budgets: OrderedDict[str, Budget] = OrderedDict()
        self.refused = 0

    def take(self, caller: Caller, now: float) -> Rate | None:
        """Count one request, unless it is refused; None for a caller without such a limit."""
        if not caller.is_limited:
            return None
        limit = caller.limits.requests_per_minute or self._per_minute
        before = self._budget(caller.client, limit, now)
        after, wait = before.take(now)
        self._budgets[caller.client] = after
        self._budgets.move_to_end(caller.client)
        if len(self._budgets) > _REMEMBERED:
            self._budgets.popitem(last=False)
        self.refused += bool(wait)
        return _rate(after, wait)

    def look(self, caller: Caller, now: float) -> Rate | None:
        """As `take`, but nothing is counted."""
        if not caller.is_limited:
            return None
        limit = caller.limits.requests_per_minute or self._per_minute
        return _rate(self._budget(caller.client, limit, now).advance(now))

    def _budget(self, client: str, limit: int, now: float) -> Budget:
        known = self._budgets.get(client)
        if known is None or known.bucket.limit != limit:
            return Budget(at=now, bucket=Bucket(limit=limit, period=MINUTE))
        return known


def _rate(budget: Budget, retry_after: float = 0.0) -> Rate:
    bucket = budget.bucket
    left = math.floor(bucket.limit - bucket.used + 1e-9)
    return Rate(int(bucket.limit), left, bucket.used * bucket.period / bucket.limit, retry_after)
