"""Supervises one child process: limits what it uses, reads its output, and leaves no process behind."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable
from contextlib import asynccontextmanager, suppress
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
        """Bounds whose wall clock is long enough for a tenth of a core that is shared with other work."""
        return cls(cpu=cpu, wall=30 + 15 * cpu, output_bytes=output_bytes)


# Runs beside a process until that ends, with the timer that ends it.
Beside = Callable[[int, asyncio.Timeout], Coroutine[Any, Any, None]]


async def supervise(
    process: asyncio.subprocess.Process,
    bounds: Bounds,
    on_line: Callable[[str], None] | None,
    beside: Beside | None = None,
) -> tuple[int, str]:
    """Wait for a process to end; return its exit status (minus the signal that ended it) and its stderr.

    stdout and stderr must be pipes, and the process must lead its own session; `on_line` gets each line of
    stdout. Of a long stderr only the beginning and the end are kept. Raises TimeoutError after `bounds.wall`
    seconds. However this function ends, the process has ended too.
    """
    assert process.stdout
    assert process.stderr
    lines = asyncio.ensure_future(_read_lines(process.stdout, on_line))
    log = asyncio.ensure_future(_read_log(process.stderr))
    try:
        _set_limits(process.pid, bounds)
        async with asyncio.timeout(bounds.wall) as timer, _running(beside, process.pid, timer):
            await asyncio.gather(lines, log)
            return await process.wait(), log.result()
    finally:
        if process.returncode is None or not log.done():
            await _kill(process, lines, log)


@asynccontextmanager
async def _running(beside: Beside | None, pid: int, timer: asyncio.Timeout) -> AsyncIterator[None]:
    task = asyncio.create_task(beside(pid, timer)) if beside else None
    try:
        yield
    finally:
        if task:
            task.cancel()
            await run_to_end(asyncio.wait([task]))


async def _kill(process: asyncio.subprocess.Process, *readers: asyncio.Future[Any]) -> None:
    """Kill the process group and wait until it has ended, even when cancelled again meanwhile."""
    with suppress(ProcessLookupError, PermissionError):  # macOS: EPERM for a zombie
        os.killpg(process.pid, signal.SIGKILL)
    for reader in readers:
        reader.cancel()
    await run_to_end(_drain(process, readers))


async def _drain(process: asyncio.subprocess.Process, readers: Iterable[asyncio.Future[Any]]) -> None:
    await asyncio.gather(*readers, return_exceptions=True)
    # communicate() reads both pipes to their end: wait() alone hangs while an unread pipe is full
    # (https://docs.python.org/3/library/asyncio-subprocess.html#asyncio.subprocess.Process.wait).
    await process.communicate()


def _set_limits(pid: int, bounds: Bounds) -> None:
    """Set the kernel's limits from outside: preexec_fn would make Python fork the whole server."""
    if sys.platform != "linux":
        return  # there is no prlimit; the wall clock and ffmpeg's own -t, -fs and -max_alloc still apply
    import resource

    cpu = max(1, round(bounds.cpu))
    output = bounds.output_bytes + 2**20  # -fs ends ffmpeg in order first; this kills what ignores -fs
    limits = {
        resource.RLIMIT_CPU: (cpu, cpu + 2),
        resource.RLIMIT_AS: (bounds.memory_bytes, bounds.memory_bytes),
        resource.RLIMIT_FSIZE: (output, output),
        resource.RLIMIT_CORE: (0, 0),
        resource.RLIMIT_NOFILE: (64, 64),
    }
    with suppress(ProcessLookupError):  # it has ended already
        for name, limit in limits.items():
            resource.prlimit(pid, name, limit)
        # ffmpeg passes each packet from thread to thread. Under SCHED_BATCH a thread that becomes runnable
        # does not preempt the running one, so packets pass in batches: copying takes a third of the CPU time,
        # and the server is scheduled first (https://man7.org/linux/man-pages/man7/sched.7.html).
        with suppress(PermissionError):
            os.sched_setscheduler(pid, os.SCHED_BATCH, os.sched_param(0))


async def _read_lines(stream: asyncio.StreamReader, on_line: Callable[[str], None] | None) -> None:
    rest = b""
    while block := await stream.read(_READ_BYTES):
        *lines, rest = (rest + block).split(b"\n")
        rest = rest[-_LINE_BYTES:]
        if on_line is not None:
            for line in lines:
                on_line(line.decode("utf-8", "replace").strip())


async def _read_log(stream: asyncio.StreamReader) -> str:
    """The beginning and the end of the stream, however long it is."""
    head, tail = b"", b""
    while block := await stream.read(_READ_BYTES):
        free = _LOG_HEAD_BYTES - len(head)
        head, tail = head + block[:free], (tail + block[free:])[-_LOG_TAIL_BYTES:]
    return (head + tail).decode("utf-8", "replace")
