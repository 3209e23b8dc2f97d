"""Refusals that come late, so that a client that asks on and on costs little: it waits for each answer.

Who is refused now and then does not notice, and nobody is refused who would not be otherwise.
"""

from __future__ import annotations

import asyncio
from collections import Counter

from common.access.caller import client_without_key, is_limited
from common.access.rates import RequestRates

# Of one client at the same time: each holds a connection. Further ones are answered at once.
_MOST = 16
# Requests a minute with a wrong key or none that an address gets a prompt answer to.
_FAILURES = 60


class HeldRefusals:
    """`seconds` for which one is held: 0 where waiting costs as much as working."""

    def __init__(self, seconds: float = 0.0) -> None:
        self._seconds = seconds
        self._held: Counter[str] = Counter()
        self._failures = RequestRates(_FAILURES)

    async def hold(self, client: str) -> None:
        """Before a client that sends too many requests learns of it."""
        if not self._seconds or self._held[client] >= _MOST:
            return
        self._held[client] += 1
        try:
            await asyncio.sleep(self._seconds)
        finally:
            self._held[client] -= 1
            if not self._held[client]:
                del self._held[client]

    async def hold_failure(self, address: str, now: float) -> None:
        """Before an address learns that a key is wrong, where it has learned so many times."""
        rate = self._failures.take(client_without_key(address), now) if is_limited(address) else None
        if rate and rate.retry_after:
            await self.hold(address)
