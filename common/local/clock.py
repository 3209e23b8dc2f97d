"""A clock that no correction of the system's time moves while the process lives."""

from __future__ import annotations

import time
from collections.abc import Callable


def steady_clock() -> Callable[[], float]:
    """Epoch seconds that go on evenly for as long as the process lives, whatever is done to the clock."""
    clock = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)  # Linux's goes on while the machine sleeps
    offset = time.time() - time.clock_gettime(clock)
    return lambda: time.clock_gettime(clock) + offset
