"""uvicorn's WebSocket protocol with an end to its patience: who does not read is let go of."""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

_MALFORMED = b"HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"


class PatientSocket(WebSocketsSansIOProtocol):
    """Aborts after `stalled` seconds in which what was written found no reader, or no socket was opened.

    Closing would wait for ever: the transport first sends what it holds, and a peer that keeps its window
    shut but its kernel alive never takes it. What a peer says is not listened to: who watches only reads.
    """

    def __init__(self, *, stalled: float, **uvicorns: Any) -> None:
        super().__init__(**uvicorns)
        self._stall_ends_after = stalled
        self._stalled: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.loop.call_later(self._stall_ends_after, self._give_up_opening)

    def _give_up_opening(self) -> None:
        if not self.handshake_complete:
            self.transport.abort()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if not self.handshake_initiated and self.conn.handshake_exc is not None:
            # A request that `websockets` cannot read, for its many headers: uvicorn would wait on.
            self.transport.write(_MALFORMED)
            self.transport.close()

    def send_receive_event_to_app(self) -> None:
        self.frames = []

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
