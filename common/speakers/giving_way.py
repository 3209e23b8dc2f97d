"""Stops the child that listens while the server has other work, for two thirds of that time at most.

Low priority is not enough: where a container has a tenth of a processor, the kernel stops all its processes
once the child has used that up.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable
from contextlib import suppress

from common.audio.child import Beside

_LOOK_EVERY = 0.05  # seconds
_STOPPED, _RUNNING = 4.0, 2.0  # seconds, by turns, as long as there is other work


def give_way(has_other_work: Callable[[], bool]) -> Beside:
    """What runs beside the child. The bound on its wall clock allows for the time that it stands still."""

    async def watch(pid: int, _: asyncio.Timeout) -> None:
        while True:
            if has_other_work():
                await _stop(pid, has_other_work)
                await asyncio.sleep(_RUNNING)
            await asyncio.sleep(_LOOK_EVERY)

    return watch


async def _stop(pid: int, has_other_work: Callable[[], bool]) -> None:
    with suppress(ProcessLookupError):  # it has ended
        os.kill(pid, signal.SIGSTOP)
        try:
            for _ in range(round(_STOPPED / _LOOK_EVERY)):
                await asyncio.sleep(_LOOK_EVERY)
                if not has_other_work():
                    return
        finally:
            os.kill(pid, signal.SIGCONT)
