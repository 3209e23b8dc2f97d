"""A bounded number of places for work; who finds none free waits in a fair line, for a bounded time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Any, Protocol, Self

from common.errors import Busy, EscribaError
from common.waiting_line import WaitingLine

Waiter = asyncio.Future[None]

# Seconds that work is expected to take before any has ended.
_FIRST_GUESS = 5.0
# Each end of work counts for so much of what is expected of the next.
_NEWS = 0.2
# Seconds; OpenAI's SDKs ignore a longer Retry-After and send the recording again at once.
_LONGEST_PAUSE = 60.0


# Waits for a place for one request.
Take = Callable[[], Awaitable["Place"]]


class CallersShares(Protocol):
    """How many places each caller holds, and whether it may hold one more."""

    def has_room(self, caller: str, /) -> bool: ...
    def add(self, caller: str, /) -> None: ...
    def remove(self, caller: str, /) -> None: ...


class _NoShares:
    """Every caller may hold all places."""

    def has_room(self, _: str, /) -> bool:
        return True

    def add(self, _: str, /) -> None: ...
    def remove(self, _: str, /) -> None: ...


class WaiterLeft(Exception):
    """The client that waited is gone."""


class Place:
    """One taken place, until `release` or the end of a `with` gives it on; a second release does nothing.

    `end` ends the work of a `with`: it cancels the task, and the error is raised where the `with` ends.
    """

    def __init__(self, places: Places, caller: str = "") -> None:
        self._places: Places | None = places
        self.caller = caller
        self._since = asyncio.get_running_loop().time()
        self._task: asyncio.Task[Any] | None = None
        self._error: EscribaError | None = None

    def release(self) -> None:
        places, self._places = self._places, None
        if places:
            places._give_back(self, asyncio.get_running_loop().time() - self._since)  # noqa: SLF001 - one class in two

    def end(self, error: EscribaError) -> None:
        """End the work in a `with`; other work is left alone."""
        if self._task and not self._error:
            self._error = error
            self._task.cancel()

    def __enter__(self) -> Self:
        self._task = asyncio.current_task()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()
        task, self._task = self._task, None
        if self._error and task and task.uncancel() == 0 and isinstance(exc, asyncio.CancelledError):
            raise self._error from None


class Places:
    """`count` places. At most `length` requests with `max_bytes` wait, each for `longest_wait` seconds.

    A caller that holds as many as `shares` let it waits, though a place is free: another caller finds it.

    When the line is full, a newcomer displaces the newest request of the caller that has the most in it, or
    is refused if its own caller has as many.
    """

    def __init__(
        self,
        count: int = 5,
        *,
        length: int = 64,
        longest_wait: float = 90.0,
        max_bytes: float = float("inf"),
        shares: CallersShares | None = None,
    ) -> None:
        self._count = self._free = count
        self._length = length
        self._longest_wait = longest_wait
        self._max_bytes = max_bytes
        self._shares = shares or _NoShares()
        self._line: WaitingLine[Waiter] = WaitingLine()
        self._waiting_bytes = 0
        self._expected = _FIRST_GUESS
        self._taken: set[Place] = set()
        self._refuse: Callable[[], EscribaError] | None = None

    def has_free(self, caller: str) -> bool:
        """Whether the caller would get a place at once."""
        return self._free > 0 and self._shares.has_room(caller)

    @property
    def waiting(self) -> int:
        return len(self._line)

    @property
    def retry_after(self) -> float:
        """Seconds after which a place is likely to be free, by how long the last ones were taken."""
        seconds = self._expected * (len(self._line) + 1) / self._count
        return min(max(seconds, 1.0), _LONGEST_PAUSE)

    def check_room(self, caller: str) -> None:
        """Raises Busy when the line is so full that a recording of `caller` need not even be received."""
        if self._refuse:
            raise self._refuse()
        is_full = len(self._line) >= self._length
        if not self.has_free(caller) and is_full and not self._line.longest(caller):
            raise self._busy()

    async def take(
        self, caller: str, size_bytes: int = 0, *, left: asyncio.Future[None] | None = None
    ) -> Place:
        """A place, at once or after waiting for it. Raises Busy when the line is full or moves too slowly.

        A request that is cancelled while it waits frees its place in the line; so does one whose client
        `left`, with WaiterLeft.
        """
        if self._refuse:
            raise self._refuse()
        if self.has_free(caller):
            self._occupy(caller)
        else:
            await self._wait(caller, size_bytes, left)
        place = Place(self, caller)
        self._taken.add(place)
        return place

    def close(self, refuse: Callable[[], EscribaError]) -> None:
        """Refuse all that wait and all that come, and end the work that runs in a `with`."""
        self._refuse = refuse
        while waiting := self._line.pop_next():
            _refuse(waiting[1], refuse())
        for place in self._taken:
            place.end(refuse())

    async def _wait(self, caller: str, size_bytes: int, left: asyncio.Future[None] | None) -> None:
        self._make_room(caller, size_bytes)
        waiter: Waiter = asyncio.get_running_loop().create_future()
        if left:
            left.add_done_callback(lambda _: _refuse(waiter, WaiterLeft()))
        self._line.add(caller, waiter)
        self._waiting_bytes += size_bytes
        try:
            async with asyncio.timeout(self._longest_wait):
                await waiter
        except BaseException as exc:
            if _is_served(waiter):  # in the same moment: the place is for the next
                self._pass_on(caller)
            if isinstance(exc, TimeoutError):
                raise self._busy() from None
            raise
        finally:
            self._line.discard(caller, waiter)
            self._waiting_bytes -= size_bytes

    def _make_room(self, caller: str, size_bytes: int) -> None:
        """Raises Busy when there is no place in the line."""
        if self._waiting_bytes + size_bytes > self._max_bytes:
            raise self._busy()
        if len(self._line) < self._length:
            return
        longest = self._line.longest(caller)
        if longest is None:
            raise self._busy()
        _refuse(self._line.pop_newest(longest), self._busy())

    def _busy(self) -> Busy:
        return Busy(retry_after=self.retry_after)

    def _give_back(self, place: Place, seconds: float) -> None:
        self._taken.discard(place)
        self._expected += (seconds - self._expected) * _NEWS
        self._pass_on(place.caller)

    def _occupy(self, caller: str) -> None:
        self._free -= 1
        self._shares.add(caller)

    def _pass_on(self, caller: str) -> None:
        """Take the caller's place back, and give what is free to those that wait."""
        self._free += 1
        self._shares.remove(caller)
        while self._free and (waiting := self._line.pop_next(self._shares.has_room)):
            next_caller, waiter = waiting
            if not waiter.done():
                self._occupy(next_caller)
                waiter.set_result(None)


def _refuse(waiter: Waiter, error: Exception) -> None:
    if not waiter.done():
        waiter.set_exception(error)


def _is_served(waiter: Waiter) -> bool:
    return waiter.done() and not waiter.cancelled() and waiter.exception() is None
