"""When something of the store falls due next: one statement, asked only when that may have changed.

Free databases stop while nobody asks them and bill by the hours that they are awake. So nothing here asks at
intervals: after a change, at the time that the last answer named, and once an hour, for what another instance
may have left behind.
"""

from __future__ import annotations

import asyncio
import math
import random
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from common.backoff import Backoff
from common.errors import EscribaError
from common.postgres.clock import read_steady_clock
from common.postgres.database import Database

_LOOK = """
    SELECT extract(epoch FROM clock_timestamp())::float8 AS clock,
        (SELECT min(CASE WHEN lease_until > due_at THEN lease_until ELSE due_at END)
            FROM escriba.jobs WHERE due_at IS NOT NULL) AS job_at,
        (SELECT min(CASE WHEN attempts = 0 THEN least(next_at, $1) ELSE next_at END)
            FROM escriba.deliveries WHERE wanted_seq > confirmed_seq) AS delivery_at,
        (SELECT min(CASE WHEN lease_until > due_at THEN lease_until ELSE due_at END)
            FROM escriba.speaker_tasks) AS speakers_at,
        least((SELECT min(expires_at) FROM escriba.jobs),
            (SELECT min(expires_at) FROM escriba.cache)) AS expiry_at
"""

# Seconds between two looks while much changes.
_SHORTEST_PAUSE = 1.0
# Seconds: the instance that committed a delivery sends it at once, so the others wait, not all for as long.
_DELIVERY_DELAY = (0.5, 2.5)
_AFTER_FAILURE = Backoff((1.0, 2.0, 5.0, 10.0, 30.0, 60.0))


@dataclass(frozen=True, slots=True)
class Callbacks:
    """What to do when a job or a task of speakers may be claimed, a delivery sent, an expired job swept."""

    on_job: Callable[[], None]
    on_delivery: Callable[[], None]
    on_speakers: Callable[[], None]
    on_expiry: Callable[[], None]


class Agenda:
    """`longest` is how many seconds may pass without a look; `sweep_every` how many between two sweeps."""

    def __init__(
        self, database: Database, callbacks: Callbacks, *, sweep_every: float, longest: float = 3600.0
    ) -> None:
        self._database = database
        self._callbacks = callbacks
        self._sweep_every = sweep_every
        self._longest = longest
        self._changed = asyncio.Event()
        self._swept_at = read_steady_clock()  # every start sweeps by itself
        self._delay = random.uniform(*_DELIVERY_DELAY)  # noqa: S311 - spreads instances, guards nothing

    def note_change(self) -> None:
        """Something was stored, here or by another instance, so the next due time may be another."""
        self._changed.set()

    async def run(self) -> None:
        """Look until cancelled."""
        failures = 0
        while True:
            self._changed.clear()
            try:
                pause = await self._look()
                failures = 0
            except EscribaError:
                failures += 1
                pause = _AFTER_FAILURE.pause(failures)
            await asyncio.sleep(min(pause, _SHORTEST_PAUSE))
            with suppress(TimeoutError):
                async with asyncio.timeout(max(0.0, pause - _SHORTEST_PAUSE)):
                    await self._changed.wait()

    async def _look(self) -> float:
        """Call back for what is due; return the seconds until the next look."""
        asked_at = read_steady_clock()
        (row,) = await self._database.rows(_LOOK, self._database.clock(), counts=False)
        now: float = row["clock"]
        self._database.clock.learn(now, asked_at=asked_at)
        delivery_at = None if row["delivery_at"] is None else row["delivery_at"] + self._delay
        return min(
            self._pause(row["job_at"], now, self._callbacks.on_job),
            self._pause(delivery_at, now, self._callbacks.on_delivery),
            self._pause(row["speakers_at"], now, self._callbacks.on_speakers),
            self._pause_of_sweep(row["expiry_at"], now),
        )

    def _pause(self, at: float | None, now: float, notify: Callable[[], None]) -> float:
        """Call back if that time has come; the seconds until it does."""
        if at is None:
            return self._longest
        if at <= now:
            notify()
        return min(self._longest, max(_SHORTEST_PAUSE, at - now))

    def _pause_of_sweep(self, expiry_at: float | None, now: float) -> float:
        """As `_pause`. A sweep is also due once after any use; what it cannot remove it tries again later."""
        steady = read_steady_clock()
        until_sweep = self._swept_at + self._sweep_every - steady
        until_expiry = math.inf if expiry_at is None else expiry_at - now
        if self._database.used_at > self._swept_at:
            until_expiry = min(until_expiry, until_sweep)
        if max(until_expiry, until_sweep) <= 0:
            self._callbacks.on_expiry()
            self._swept_at, until_sweep = steady, self._sweep_every
        return min(self._longest, max(_SHORTEST_PAUSE, until_expiry, until_sweep))
