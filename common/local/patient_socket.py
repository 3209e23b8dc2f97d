"""uvicorn's WebSocket protocol with an end to its patience: who does not read is let go of."""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol


class PatientSocket(WebSocketsSansIOProtocol):
    """Aborts after `stalled` seconds in which what was written found no reader.

    Closing would wait for ever: the transport first sends what it holds, and a peer that keeps its window
    shut but its kernel alive never takes it.
    """

    def __init__(self, *, stalled: float, **uvicorns: Any) -> None:
        super().__init__(**uvicorns)
        self._stall_ends_after = stalled
        self._stalled: asyncio.TimerHandle | None = None

    def pause_writing(self) -> None:
        super().pause_writing()
        self._stalled = self.loop.call_later(self._stall_ends_after, self.transport.abort)

    def resume_writing(self) -> None:
        super().resume_writing()
        self._listen_on()

    def connection_lost(self, exc: Exception | None) -> None:
        self._listen_on()
        super().connection_lost(exc)

    def _listen_on(self) -> None:
        if self._stalled:
            self._stalled.cancel()
            self._stalled = None
