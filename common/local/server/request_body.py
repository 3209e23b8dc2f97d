"""A request's body as it is received: capped, and timed without counting the time that we ourselves take."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from common.errors import EscribaError, UploadTooLarge, UploadTooSlow

MB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Pace:
    """How slow a client may be: seconds, and bytes a second.

    The whole body must arrive within `deadline`, and no pause be longer than `idle`. `min_rate` is counted
    after `grace`; 0 demands no rate. While others wait, a client that took longer than `slow_after` and is
    slower than `slow_rate` needs no slot; one that took longer than `yield_after` and is slower than
    `yield_rate` is the first to be refused.
    """

    deadline: float = 300.0
    idle: float = 15.0
    grace: float = 10.0
    min_rate: int = 4096
    slow_after: float = 1.0
    slow_rate: int = 256 * 1024
    yield_after: float = 30.0
    yield_rate: int = 32 * 1024

    def due(self, *, started_at: float, waiting_since: float, waited: float, received: int) -> float:
        """The moment at which a client that sends nothing more is too slow.

        `waited` is the time that we spent waiting for it in all, up to `waiting_since`. While we are busy
        writing or starved of CPU no client's time runs out, except by the deadline.
        """
        due = min(started_at + self.deadline, waiting_since + self.idle)
        if self.min_rate:
            due = min(due, waiting_since + self.grace + received / self.min_rate - waited)
        return due


class RequestBody:
    """Wraps ASGI's `receive`. Raises UploadTooSlow and UploadTooLarge, and keeps what it raised in `failure`.

    `limit_bytes` caps the whole body; `file_bytes` is the limit that the error names. When `refusal` is set,
    nothing is received: the first attempt raises it.
    """

    def __init__(self, receive: Any, *, pace: Pace, limit_bytes: int, file_bytes: int) -> None:
        self.failure: EscribaError | None = None
        self.refusal: EscribaError | None = None
        self.is_complete = False
        self.has_client_left = False
        self.received = 0
        self.on_end: Callable[[], None] = lambda: None  # called once no more bytes will arrive
        self._receive = receive
        self._pace = pace
        self._limit_bytes = limit_bytes
        self._file_bytes = file_bytes
        self._ahead = b""
        self._loop = asyncio.get_running_loop()
        self._started_at = self._loop.time()
        self._waited = 0.0
        self._waiting_since = 0.0
        self._waiting_task: asyncio.Task[Any] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._draining: asyncio.Timeout | None = None

    @property
    def has_been_read(self) -> bool:
        """Whether anything was received or waited for; if not, `Expect: 100-continue` holds it back."""
        return self._waited > 0 or self.received > 0

    @property
    def is_slow(self) -> bool:
        """Whether the client is so slow that its upload needs no slot."""
        return self._rate_below(self._pace.slow_rate, after=self._pace.slow_after) is not None

    @property
    def yielding_rate(self) -> float | None:
        """Bytes a second, if that is too few to go on while other clients wait."""
        return self._rate_below(self._pace.yield_rate, after=self._pace.yield_after)

    def _rate_below(self, limit: int, *, after: float) -> float | None:
        """Bytes a second, if we waited for the client longer than `after` and it is below `limit`."""
        wait = self._loop.time() - self._waiting_since if self._waiting_task else 0.0
        waited = self._waited + wait
        if self.is_complete or self.failure or waited <= after:
            return None
        rate = self.received / waited
        return rate if rate < limit else None

    def extend_deadline(self, seconds: float) -> None:
        """The client could not send for so long, since it waited for a slot."""
        self._started_at += seconds

    async def read_ahead(self, size_bytes: int) -> None:
        """Receive the first `size_bytes`, or all of a shorter body, for `receive` to return later."""
        while self.received < size_bytes and not (self.is_complete or self.has_client_left):
            block = (await self._next()).get("body", b"")
            self._ahead = self._ahead + block if self._ahead else block

    async def receive(self) -> dict[str, Any]:
        """ASGI's `receive`; after the body it passes on what the server reports of the connection."""
        if self._ahead and not (self.failure or self.refusal):
            block, self._ahead = self._ahead, b""
            return {"type": "http.request", "body": block, "more_body": not self.is_complete}
        if (self.is_complete or self.has_client_left) and not self.refusal:
            return await self._receive()  # type: ignore[no-any-return]
        return await self._next()

    def give_up(self, failure: EscribaError | None = None) -> None:
        """End a wait at once, as if its time had run out, or with `failure`; a second call does nothing."""
        if self.failure or self.is_complete:
            return
        self.failure = failure or UploadTooSlow()
        if self._waiting_task:
            self._waiting_task.cancel()

    def stop_timing(self) -> None:
        if self._timer:
            self._timer.cancel()
            self._timer = None

    async def drain(self, seconds: float, size_bytes: int) -> None:
        """Read the rest and drop it, so that a client still sending can read the answer (RFC 9112, 9.6)."""
        self.stop_timing()
        try:
            async with asyncio.timeout(seconds) as self._draining:
                while not (self.is_complete or self.has_client_left) and size_bytes > 0:
                    size_bytes -= self._count(await self._receive())
        except TimeoutError:
            pass
        finally:
            self._draining = None

    def stop_draining(self, seconds: float) -> None:
        """End `drain` so many seconds from now."""
        if self._draining:
            self._draining.reschedule(self._loop.time() + seconds)

    async def _next(self) -> dict[str, Any]:
        self.failure = self.failure or self.refusal
        if self.failure:
            raise self.failure
        message = await self._receive_in_time()
        self._count(message)
        if self.is_complete or self.has_client_left:
            self.stop_timing()
            self.on_end()
        if self.received > self._limit_bytes:
            self.failure = UploadTooLarge(limit_mb=f"{self._file_bytes / MB:g}")
            raise self.failure
        return message

    def _count(self, message: dict[str, Any]) -> int:
        """The bytes of `message`, added to `received`."""
        if message["type"] == "http.disconnect":
            self.has_client_left = True
            return 0
        size = len(message.get("body", b""))
        self.received += size
        self.is_complete = not message.get("more_body", False)
        return size

    async def _receive_in_time(self) -> dict[str, Any]:
        task = self._waiting_task = asyncio.current_task()
        assert task is not None
        cancels_before = task.cancelling()
        self._waiting_since = self._loop.time()
        self._start_timing()
        try:
            return await self._receive()  # type: ignore[no-any-return]
        except asyncio.CancelledError:
            if self.failure and task.uncancel() <= cancels_before:
                raise self.failure from None
            raise
        finally:
            self._waiting_task = None
            self._waited += self._loop.time() - self._waiting_since

    def _start_timing(self) -> None:
        # One timer a body, moved when it runs out: one a message would cost more than the message.
        if self._timer is None:
            self._timer = self._loop.call_at(self._due(), self._check_time)

    def _due(self) -> float:
        return self._pace.due(
            started_at=self._started_at,
            waiting_since=self._waiting_since,
            waited=self._waited,
            received=self.received,
        )

    def _check_time(self) -> None:
        self._timer = None
        if self._waiting_task is None:
            return  # we are slow, not the client; the next wait starts the timer again
        if self._due() <= self._loop.time():
            self.give_up()
        else:
            self._start_timing()
