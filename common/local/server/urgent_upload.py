"""Whether a request that brings a recording is urgent: unless its client is slow, since that costs little."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import TracebackType

from common.local.server.request_body import RequestBody

_REVIEW_EVERY = 1.0  # seconds

Count = Callable[[int], None]


class UrgentUpload:
    """Calls `count` with 1 when the request becomes urgent, and with -1 when it no longer is.

    It is at once, and on to the end of its answer. A client that sends its recording for minutes, or nothing
    at all, does not hold up other work meanwhile.
    """

    def __init__(self, body: RequestBody, count: Count) -> None:
        self._body = body
        self._count = count
        self._is_urgent = False
        self._timer: asyncio.TimerHandle | None = None

    def __enter__(self) -> None:
        self._review()

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._timer:
            self._timer.cancel()
        self._change(False)

    def _review(self) -> None:
        self._change(not self._body.is_slow)
        if not self._body.is_complete:
            self._timer = asyncio.get_running_loop().call_later(_REVIEW_EVERY, self._review)

    def _change(self, is_urgent: bool) -> None:
        if is_urgent != self._is_urgent:
            self._is_urgent = is_urgent
            self._count(1 if is_urgent else -1)
