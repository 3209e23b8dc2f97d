"""A clock that no correction of the system's time moves while the process lives."""

from __future__ import annotations

import time
from collections.abc import Callable


def steady_clock() -> Callable[[], float]:
    """Epoch seconds that pass evenly while the process lives, even when the system's clock is set."""
    clock = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)  # Linux's goes on while the machine sleeps
    offset = time.time() - time.clock_gettime(clock)
    return lambda: time.clock_gettime(clock) + offset
