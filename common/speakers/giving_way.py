"""Stops the child that listens in the moment in which other work begins, and lets it go on; `debt` says when.

Low priority is not enough: where a container has a tenth of a processor, the kernel stops all its processes
once the child has used that up.
"""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import suppress
from math import isfinite

from common.active_work import ActiveWork
from common.audio.child import Beside
from common.speakers.debt import Debt


def give_way(active: ActiveWork) -> Beside:
    """What runs beside the child.

    It stands still for three quarters of the time at most. `Bounds.of_cpu` allows for that: its wall clock
    is 15 times a bound on CPU that is itself several times what the child needs.
    """

    async def watch(pid: int, _: asyncio.Timeout) -> None:
        child = _Child(pid, active)
        try:
            with active.observe(child.review):
                child.review()
                await asyncio.get_running_loop().create_future()  # until it is cancelled
        finally:
            child.release()

    return watch


class _Child:
    """A process that runs, or stands still."""

    def __init__(self, pid: int, active: ActiveWork) -> None:
        self._pid = pid
        self._active = active
        self._loop = asyncio.get_running_loop()
        self._debt = Debt(self._loop.time())
        self._timer: asyncio.TimerHandle | None = None

    def review(self) -> None:
        """Stop it or let it go on, if it is time."""
        was_still = self._debt.is_still
        self._debt = self._debt.advance(self._loop.time(), is_urgent=self._active.is_urgent)
        if self._debt.is_still != was_still:
            self._send(signal.SIGSTOP if self._debt.is_still else signal.SIGCONT)
        self._stop_timer()
        if isfinite(next_change := self._debt.next_change):
            self._timer = self._loop.call_at(next_change, self.review)

    def release(self) -> None:
        """It is never left stopped."""
        self._stop_timer()
        self._send(signal.SIGCONT)

    def _stop_timer(self) -> None:
        if self._timer:
            self._timer.cancel()
            self._timer = None

    def _send(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError):  # it has ended
            os.kill(self._pid, number)
