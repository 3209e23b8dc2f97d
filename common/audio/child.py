"""One child process within bounds: what it may use, what it says, and that nothing of it outlives its run."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from common.cancellation import run_to_end

_LOG_HEAD_BYTES = 64 * 1024
_LOG_TAIL_BYTES = 16 * 1024
_LINE_BYTES = 16 * 1024
_READ_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Bounds:
    """What one run may use: seconds of CPU and of wall clock, bytes of output and of address space."""

    cpu: float
    wall: float
    output_bytes: int = 0
    memory_bytes: int = 384 * 1024 * 1024

    @classmethod
    def of_cpu(cls, cpu: float, output_bytes: int = 0) -> Bounds:
        """Bounds whose wall clock leaves room for a tenth of a core that others use as well."""
        return cls(cpu=cpu, wall=30 + 15 * cpu, output_bytes=output_bytes)


async def follow(
    process: asyncio.subprocess.Process, bounds: Bounds, on_line: Callable[[str], None] | None
) -> tuple[int, str]:
    """See a process to its end: its exit status, or minus the signal that ended it, and its bounded stderr.

    stdout and stderr must be pipes, and the process must lead its own session; `on_line` gets each line of
    stdout. TimeoutError after `bounds.wall` seconds. Whichever way this is left, the process is gone.
    """
    assert process.stdout
    assert process.stderr
    lines = asyncio.ensure_future(_lines(process.stdout, on_line))
    log = asyncio.ensure_future(_log(process.stderr))
    try:
        _limit(process.pid, bounds)
        async with asyncio.timeout(bounds.wall):
            await asyncio.gather(lines, log)
            return await process.wait(), log.result()
    finally:
        if process.returncode is None or not log.done():
            await _end(process, lines, log)


async def _end(process: asyncio.subprocess.Process, *readers: asyncio.Future[Any]) -> None:
    """Kill the group, then stay until it is gone, even when cancelled once more meanwhile."""
    with suppress(ProcessLookupError, PermissionError):  # macOS: EPERM for a zombie
        os.killpg(process.pid, signal.SIGKILL)
    for reader in readers:
        reader.cancel()
    await run_to_end(_drained(process, readers))


async def _drained(process: asyncio.subprocess.Process, readers: Iterable[asyncio.Future[Any]]) -> None:
    await asyncio.gather(*readers, return_exceptions=True)
    # communicate() reads both pipes to their end: wait() alone hangs while an unread pipe is full
    # (https://docs.python.org/3/library/asyncio-subprocess.html#asyncio.subprocess.Process.wait).
    await process.communicate()


def _limit(pid: int, bounds: Bounds) -> None:
    """The kernel's limits, set from outside: preexec_fn would cost a real fork of the whole server."""
    if sys.platform != "linux":
        return  # no prlimit there: the wall clock and ffmpeg's own -t, -fs and -max_alloc still hold
    import resource

    cpu = max(1, round(bounds.cpu))
    output = bounds.output_bytes + 2**20  # -fs ends a run in order below this; this ends what went past it
    limits = {
        resource.RLIMIT_CPU: (cpu, cpu + 2),
        resource.RLIMIT_AS: (bounds.memory_bytes, bounds.memory_bytes),
        resource.RLIMIT_FSIZE: (output, output),
        resource.RLIMIT_CORE: (0, 0),
        resource.RLIMIT_NOFILE: (64, 64),
    }
    with suppress(ProcessLookupError):  # already done
        for name, limit in limits.items():
            resource.prlimit(pid, name, limit)
        # ffmpeg hands each packet from thread to thread. Under SCHED_BATCH a woken thread does not take
        # the core at once, so packets go in batches: a third of the CPU time when copying, and the server
        # comes first (https://man7.org/linux/man-pages/man7/sched.7.html).
        with suppress(PermissionError):
            os.sched_setscheduler(pid, os.SCHED_BATCH, os.sched_param(0))


async def _lines(stream: asyncio.StreamReader, on_line: Callable[[str], None] | None) -> None:
    rest = b""
    while chunk := await stream.read(_READ_BYTES):
        *whole, rest = (rest + chunk).split(b"\n")
        rest = rest[-_LINE_BYTES:]
        if on_line is not None:
            for line in whole:
                on_line(line.decode("utf-8", "replace").strip())


async def _log(stream: asyncio.StreamReader) -> str:
    """The beginning and the end of what is said, however much it is."""
    head, tail = b"", b""
    while chunk := await stream.read(_READ_BYTES):
        room = _LOG_HEAD_BYTES - len(head)
        head, tail = head + chunk[:room], (tail + chunk[room:])[-_LOG_TAIL_BYTES:]
    return (head + tail).decode("utf-8", "replace")
