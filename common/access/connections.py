"""Connections that stay open, such as WebSockets: each ends when the key or token of its caller ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from common.access.caller import Caller
from common.errors import AccessRefused, EscribaError, KeyExpired, KeyInvalid

# Seconds between two looks at the keys of open connections. What is known of a key is 8 s old at most, so a
# connection ends within ten seconds of its key.
_EVERY = 1.5


class Connections:
    """One look a key serves all its connections; there is none while none is open.

    `check_key` raises AccessRefused for a key that may do nothing any more.
    """

    def __init__(self, check_key: Callable[[str], Awaitable[object]], now: Callable[[], float]) -> None:
        self._check_key = check_key
        self._now = now
        self._open: dict[str, set[asyncio.Timeout]] = {}
        self._checking: asyncio.Task[None] | None = None

    @asynccontextmanager
    async def hold(self, caller: Caller) -> AsyncIterator[None]:
        """Cancels its body when the caller's key or token ends. Raises KeyExpired, KeyInvalid then."""
        left = None if caller.expires_at is None else max(0.0, caller.expires_at - self._now())
        try:
            async with asyncio.timeout(left) as timeout:
                key_id = caller.key_id
                if key_id is not None:
                    self._add(key_id, timeout)
                try:
                    yield
                finally:
                    if key_id is not None:
                        self._remove(key_id, timeout)
        except TimeoutError:
            if not timeout.expired():
                raise
            is_over = caller.expires_at is not None and self._now() >= caller.expires_at
            raise (KeyExpired if is_over else KeyInvalid) from None

    def _add(self, key_id: str, timeout: asyncio.Timeout) -> None:
        self._open.setdefault(key_id, set()).add(timeout)
        if self._checking is None:
            self._checking = asyncio.create_task(self._check_all())

    def _remove(self, key_id: str, timeout: asyncio.Timeout) -> None:
        self._open[key_id].discard(timeout)
        if not self._open[key_id]:
            del self._open[key_id]
        if not self._open and self._checking is not None:
            self._checking.cancel()
            self._checking = None

    async def _check_all(self) -> None:
        while True:
            await asyncio.sleep(_EVERY)
            for key_id in list(self._open):
                if await self._has_ended(key_id):
                    for timeout in list(self._open.get(key_id, ())):
                        if not timeout.expired():
                            timeout.reschedule(asyncio.get_running_loop().time())

    async def _has_ended(self, key_id: str) -> bool:
        try:
            await self._check_key(key_id)
        except AccessRefused:
            return True
        except EscribaError:  # the store is away: nobody knows better
            return False
        return False
