"""Who runs ffmpeg next: clients in turn, and no run for more than some seconds of CPU while another waits.

A run that has had its time is stopped (SIGSTOP) and goes on when its turn comes again: nothing of its work is
lost, and it keeps only its memory meanwhile.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from contextvars import ContextVar
from pathlib import Path

from common.places import Place, Places

_SLICE = 20.0  # seconds of CPU
_LOOK_EVERY = 0.5
# Each stopped run keeps its memory, some 50 MB: with more of them, runs wait for each other's end.
_MOST_STOPPED = 2
_LONGEST_WAIT = 86_400.0

_client: ContextVar[str] = ContextVar("ffmpeg_client", default="")


def run_for(client: str | None) -> None:
    """The runs of this task and of those that it starts are this client's."""
    _client.set(client or "")


class FfmpegTurns:
    """`at_once` runs side by side."""

    def __init__(self, at_once: int) -> None:
        self.places = Places(at_once, length=100_000, longest_wait=_LONGEST_WAIT)
        self.stopped = 0

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[Turn]:
        client = _client.get()
        turn = Turn(self, client, await self.places.take(client))
        try:
            yield turn
        finally:
            turn.place.release()


class Turn:
    """One run's right to a processor."""

    def __init__(self, turns: FfmpegTurns, client: str, place: Place) -> None:
        self._turns = turns
        self._client = client
        self.place = place

    async def share(self, pid: int, timer: asyncio.Timeout) -> None:
        """Give way to those that wait, whenever the process has had its time; runs until it is cancelled.

        `timer` ends the run after some time; it does not count while the process is stopped.
        """
        had = 0.0
        while True:
            await asyncio.sleep(_LOOK_EVERY)
            used = cpu_seconds(pid)
            may_stop = self._turns.places.waiting and self._turns.stopped < _MOST_STOPPED
            if may_stop and used - had >= _SLICE:
                await self._give_way(pid, timer)
                had = used

    async def _give_way(self, pid: int, timer: asyncio.Timeout) -> None:
        loop, ends_at = asyncio.get_running_loop(), timer.when()
        since = loop.time()
        timer.reschedule(None)
        _signal(pid, signal.SIGSTOP)
        self.place.release()
        self._turns.stopped += 1
        try:
            self.place = await self._turns.places.take(self._client)
        finally:
            self._turns.stopped -= 1
        _signal(pid, signal.SIGCONT)
        if ends_at is not None:
            timer.reschedule(ends_at + loop.time() - since)


def cpu_seconds(pid: int) -> float:
    """What a process has used so far; 0 where the system does not say."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")  # user and system time


def _signal(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)
