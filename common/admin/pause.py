"""The pause switch: while it is on, nothing new is accepted, and what was accepted goes on."""

from __future__ import annotations

from collections.abc import Callable

from common.admin.store import AdminStore, Pause
from common.errors import EscribaError, Paused
from common.log import log

# Seconds for which a process believes what it read: so long another one may still accept.
_BELIEVED_FOR = 5.0
_RETRY_AFTER = 60.0


class PauseSwitch:
    """What the store says, read again at most every five seconds, and only when somebody asks."""

    def __init__(self, store: AdminStore | None = None, *, now: Callable[[], float] = lambda: 0.0) -> None:
        self._store = store
        self._now = now
        self._read_at = float("-inf")
        self.known: Pause | None = None

    async def check(self) -> None:
        """Raises Paused."""
        if await self.read() is not None:
            raise Paused(retry_after=_RETRY_AFTER)

    async def read(self) -> Pause | None:
        """While the store is away, what was known last."""
        now = self._now()
        if self._store is not None and not 0 <= now - self._read_at < _BELIEVED_FOR:
            self._read_at = now
            try:
                self.known = await self._store.get_pause()
            except EscribaError as exc:
                log("pause.unreadable", level="WARNING", code=exc.code)
        return self.known

    async def change(self, pause: Pause | None) -> None:
        """Here at once, in other processes within ten seconds."""
        if self._store is not None:
            await self._store.set_pause(pause)
        self.known, self._read_at = pause, self._now()
