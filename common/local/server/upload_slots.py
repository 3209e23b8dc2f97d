"""Upload slots: how many bodies are received at once, who waits for a slot, and which slow ones give way."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from common.errors import EscribaError
from common.local.server.request_body import RequestBody
from common.local.server.upload_limits import UploadLimits
from common.places import CallersShares, Place, Places

_REVIEW_EVERY = 0.5  # seconds, while anybody waits


class UploadSlots:
    """A slot belongs to bytes that arrive.

    While others wait for a slot, an upload whose client is slow goes on without one: it costs little CPU and
    no more memory than its buffers. So five slow clients do not delay a sixth one. When as many slow uploads
    go on as may, the slowest that `Pace` allows to evict ends.
    """

    def __init__(self, limits: UploadLimits, shares: CallersShares | None = None) -> None:
        self._places = Places(
            limits.slots, length=limits.line_length, longest_wait=limits.line_wait, shares=shares
        )
        self._max_slow = limits.max_slow
        self._in_slots: dict[RequestBody, Place] = {}
        self._slow: set[RequestBody] = set()
        self._timer: asyncio.TimerHandle | None = None

    def check_room(self, caller: str) -> None:
        """Raises Busy when an upload could not even wait."""
        self._places.check_room(caller)

    async def take(self, body: RequestBody, caller: str, left: asyncio.Future[None] | None) -> None:
        """A slot for `body` until it is complete or `release`d. Raises Busy, and WaiterLeft."""
        loop = asyncio.get_running_loop()
        since = loop.time()
        if not self._places.has_free(caller):
            self._start_timer(0.0)
        self._in_slots[body] = await self._places.take(caller, left=left)
        body.extend_deadline(loop.time() - since)
        body.on_end = lambda: self.release(body)

    def close(self, refuse: Callable[[], EscribaError]) -> None:
        """Refuse all that wait, and all that come."""
        self._places.close(refuse)

    def release(self, body: RequestBody) -> None:
        """Harmless for a body that has no slot."""
        self._slow.discard(body)
        if place := self._in_slots.pop(body, None):
            place.release()

    def _start_timer(self, seconds: float) -> None:
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(seconds, self._review)

    def _review(self) -> None:
        """Free the slots of slow uploads, as many as others wait for."""
        self._timer = None
        for body in list(self._in_slots):
            if self._places.waiting and body.is_slow and self._make_slow_place():
                self._slow.add(body)
                self._in_slots.pop(body).release()
        if self._places.waiting:
            self._start_timer(_REVIEW_EVERY)

    def _make_slow_place(self) -> bool:
        """Whether one more slow upload may go on without a slot."""
        if len(self._slow) < self._max_slow:
            return True
        rates = [(rate, body) for body in self._all() if (rate := body.yielding_rate) is not None]
        if not rates:
            return False
        slowest = min(rates, key=lambda pair: pair[0])[1]
        slowest.give_up()
        was_slow = slowest in self._slow
        self.release(slowest)
        return was_slow

    def _all(self) -> list[RequestBody]:
        return [*self._in_slots, *self._slow]
