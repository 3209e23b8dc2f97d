"""The database's clock, as this process knows it: instances whose own clocks differ agree on all times.

A statement that returns the database's time teaches it. Between two of them time passes by a clock of this
machine that no correction moves.
"""

from __future__ import annotations

import time

# CLOCK_BOOTTIME is Linux's; it goes on while the machine sleeps.
_STEADY = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)

# Seconds by which the clock may be off before a job that is claimed by it is refused.
TOLERANCE = 2.0


def read_steady_clock() -> float:
    return time.clock_gettime(_STEADY)


class DatabaseClock:
    """Call it for epoch seconds. Until `learn` was called it goes by the machine's own time."""

    def __init__(self) -> None:
        self._offset = time.time() - read_steady_clock()
        self._error = float("inf")

    def __call__(self) -> float:
        return read_steady_clock() + self._offset

    def learn(self, database_time: float, *, asked_at: float) -> None:
        """`database_time` came in the answer to a statement that was sent at `asked_at` of the steady clock.

        It was read at some moment in between. A slow answer does not replace a better one that agrees with
        it.
        """
        answered_at = read_steady_clock()
        error = (answered_at - asked_at) / 2
        offset = database_time - (asked_at + answered_at) / 2
        if error <= self._error or abs(offset - self._offset) > error + self._error:
            self._offset, self._error = offset, error
