"""A request's body as it is received: capped, timed, and told apart from a server that is itself slow."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

from common.errors import EscribaError, UploadTooLarge, UploadTooSlow

MB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Pace:
    """How slow a client may be; seconds, and bytes a second counted after `grace`. Rate 0 asks for none.

    Who has brought fewer than `yield_rate` over more than `yield_after` is borne while nobody else waits.
    """

    deadline: float = 300.0
    idle: float = 15.0
    grace: float = 10.0
    min_rate: int = 4096
    yield_after: float = 30.0
    yield_rate: int = 32 * 1024

    def due(self, *, began: float, waiting_since: float, waited: float, received: int) -> float:
        """When a client that sends nothing more is too slow.

        `waited` is what we have spent waiting for it in all up to `waiting_since`: while we are busy
        writing or starved of CPU, no client's time runs out but by the deadline.
        """
        due = min(began + self.deadline, waiting_since + self.idle)
        if self.min_rate:
            due = min(due, waiting_since + self.grace + received / self.min_rate - waited)
        return due


class RequestBody:
    """Stands where ASGI's `receive` stood. Raises UploadTooSlow and UploadTooLarge, and keeps what it raised.

    `limit_bytes` caps the whole body; `file_bytes` is the limit as people are told it. When `unwanted` is
    set, nothing is received: it is raised at the first attempt.
    """

    def __init__(self, receive: Any, *, pace: Pace, limit_bytes: int, file_bytes: int) -> None:
        self.failure: EscribaError | None = None
        self.unwanted: EscribaError | None = None
        self.is_complete = False
        self.is_gone = False
        self.received = 0
        self._receive = receive
        self._pace = pace
        self._limit_bytes = limit_bytes
        self._file_bytes = file_bytes
        self._ahead = b""
        self._loop = asyncio.get_running_loop()
        self._began = self._loop.time()
        self._waited = 0.0
        self._waiting_since = 0.0
        self._waiting: asyncio.Task[Any] | None = None
        self._timer: asyncio.TimerHandle | None = None

    @property
    def has_begun(self) -> bool:
        """Whether anything was asked of the client; if not, `Expect: 100-continue` still holds it back."""
        return self._waited > 0 or self.received > 0

    @property
    def rate(self) -> float | None:
        """Bytes a second, if that is too few to keep a place that another waits for."""
        waits = self._loop.time() - self._waiting_since if self._waiting else 0.0
        waited = self._waited + waits
        if self.is_complete or self.failure or waited <= self._pace.yield_after:
            return None
        rate = self.received / waited
        return rate if rate < self._pace.yield_rate else None

    async def read_ahead(self, size_bytes: int) -> None:
        """Receive until `size_bytes` or all of it are here, for `receive` to give out later."""
        while self.received < size_bytes and not (self.is_complete or self.is_gone):
            piece = (await self._next()).get("body", b"")
            self._ahead = self._ahead + piece if self._ahead else piece

    async def receive(self) -> dict[str, Any]:
        """ASGI's `receive`; after the body it passes on what the server says of the connection."""
        if self._ahead and not (self.failure or self.unwanted):
            piece, self._ahead = self._ahead, b""
            return {"type": "http.request", "body": piece, "more_body": not self.is_complete}
        if (self.is_complete or self.is_gone) and not self.unwanted:
            return await self._receive()  # type: ignore[no-any-return]
        return await self._next()

    def give_up(self) -> None:
        """End a wait at once with UploadTooSlow, as if its time had run out; a second call does nothing."""
        if self.failure:
            return
        self.failure = UploadTooSlow()
        if self._waiting:
            self._waiting.cancel()

    def stop_watching(self) -> None:
        if self._timer:
            self._timer.cancel()
            self._timer = None

    async def drain(self, seconds: float, size_bytes: int) -> None:
        """Read the rest and forget it, so that a client still sending can read the answer (RFC 9112, 9.6)."""
        self.stop_watching()
        try:
            async with asyncio.timeout(seconds):
                while not (self.is_complete or self.is_gone) and size_bytes > 0:
                    size_bytes -= self._note(await self._receive())
        except TimeoutError:
            pass

    async def _next(self) -> dict[str, Any]:
        self.failure = self.failure or self.unwanted
        if self.failure:
            raise self.failure
        message = await self._within_time()
        self._note(message)
        if self.is_complete or self.is_gone:
            self.stop_watching()
        if self.received > self._limit_bytes:
            self.failure = UploadTooLarge(limit_mb=f"{self._file_bytes / MB:g}")
            raise self.failure
        return message

    def _note(self, message: dict[str, Any]) -> int:
        if message["type"] == "http.disconnect":
            self.is_gone = True
            return 0
        size = len(message.get("body", b""))
        self.received += size
        self.is_complete = not message.get("more_body", False)
        return size

    async def _within_time(self) -> dict[str, Any]:
        task = self._waiting = asyncio.current_task()
        assert task is not None
        cancels_before = task.cancelling()
        self._waiting_since = self._loop.time()
        self._watch()
        try:
            return await self._receive()  # type: ignore[no-any-return]
        except asyncio.CancelledError:
            if self.failure and task.uncancel() <= cancels_before:
                raise self.failure from None
            raise
        finally:
            self._waiting = None
            self._waited += self._loop.time() - self._waiting_since

    def _watch(self) -> None:
        # One timer a body, moved when it rings: one a message would cost more than the message.
        if self._timer is None:
            self._timer = self._loop.call_at(self._due(), self._ring)

    def _due(self) -> float:
        return self._pace.due(
            began=self._began,
            waiting_since=self._waiting_since,
            waited=self._waited,
            received=self.received,
        )

    def _ring(self) -> None:
        self._timer = None
        if self._waiting is None:
            return  # we are the slow ones; the next wait sets the timer again
        if self._due() <= self._loop.time():
            self.give_up()
        else:
            self._watch()
