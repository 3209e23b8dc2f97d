"""A `Listener` where no event reaches the process: it looks at the store every second."""

from __future__ import annotations

import asyncio
import time

from common.models import JobEvent

_POLL_SECONDS = 1.0


class PollingListener:
    """Listens for `longest_wait` seconds, or until the first event was sent.

    API Gateway passes an answer on once it is complete: an answer that ended with its first event arrives at
    once, and an EventSource reconnects by itself.
    """

    def __init__(self, longest_wait: float) -> None:
        self._until = time.monotonic() + longest_wait

    @property
    def closing(self) -> bool:
        return time.monotonic() >= self._until

    def on_sent(self) -> None:
        self._until = 0.0

    def since(self, seq: int) -> list[JobEvent] | None:  # noqa: ARG002
        """None: only the store knows."""
        return None

    async def news(self, seconds: float) -> bool:
        if not self.closing:
            await asyncio.sleep(min(seconds, _POLL_SECONDS))
        return self.closing
