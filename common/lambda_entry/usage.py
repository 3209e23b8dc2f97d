"""Stores what clients used, at the end of a call: a sandbox that nobody calls does nothing by itself."""

from __future__ import annotations

import time

from common.lambda_entry import loop
from common.services import Services

# Seconds between two writes of one sandbox. What it counted since the last one is lost when it ends.
_EVERY = 10.0


class UsageWriter:
    """Writes after the first call, and then after a call once some seconds have passed."""

    def __init__(self) -> None:
        self._written_at = float("-inf")

    def write(self, services: Services) -> None:
        now = time.monotonic()
        if now - self._written_at >= _EVERY:
            self._written_at = now
            loop.run(services.admin.store_usage(now=services.now()))
