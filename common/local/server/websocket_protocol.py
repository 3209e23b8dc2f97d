"""uvicorn's WebSocket protocol with an end to its patience: who does not read is let go of."""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import Frame

from common.local.server.http_protocol import Yielding

_MALFORMED = b"HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
_READ_BYTES = 32 * 1024  # at once: who watches has little to say, and each empty frame becomes an object


class WebSocketProtocol(WebSocketsSansIOProtocol):
    """Aborts after `stalled` seconds in which what was written found no reader, no socket was opened, or one
    that was closed is still there.

    Closing would wait for ever: the transport first sends what it holds, and a peer that keeps its window
    shut but its kernel alive never takes it. So one that was closed also waits in `idle`, to give way to a
    newcomer. What a peer says is not listened to: who watches only reads.
    """

    def __init__(self, *, stalled: float, idle: dict[Yielding, None], **uvicorns: Any) -> None:
        super().__init__(**uvicorns)
        self._stall_ends_after = stalled
        self._idle = idle
        self._stalled: asyncio.TimerHandle | None = None
        self._ending: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        transport.max_size = _READ_BYTES  # type: ignore[attr-defined]
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
        self._end_if_closed()

    def handle_text(self, event: Frame) -> None:
        """Nothing of it is kept, nor of what goes on: empty frames are of no size, and may be millions."""

    handle_bytes = handle_cont = handle_text

    def pause_writing(self) -> None:
        super().pause_writing()
        self.transport.pause_reading()  # each ping would be answered, into a buffer without end
        self._stalled = self.loop.call_later(self._stall_ends_after, self.transport.abort)

    def resume_writing(self) -> None:
        super().resume_writing()
        self._listen_on()
        self.transport.resume_reading()

    def _listen_on(self) -> None:
        if self._stalled:
            self._stalled.cancel()
            self._stalled = None

    # ── its end ───────────────────────────────────────────────────────────────────────────────────

    async def send(self, message: Any) -> None:
        await super().send(message)
        self._end_if_closed()

    async def run_asgi(self) -> None:
        await super().run_asgi()
        self._end_if_closed()

    def keepalive_timeout(self) -> None:
        super().keepalive_timeout()
        self._end_if_closed()

    def shutdown(self) -> None:
        super().shutdown()
        self._end_if_closed()

    def _end_if_closed(self) -> None:
        if (self.close_sent or self.transport.is_closing()) and not (self.disconnected or self._ending):
            self._idle[self] = None
            self._ending = self.loop.call_later(self._stall_ends_after, self.evict)

    def evict(self) -> None:
        """End at once, with nothing said."""
        self._idle.pop(self, None)
        self.transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self._listen_on()
        self._idle.pop(self, None)
        if self._ending:
            self._ending.cancel()
        super().connection_lost(exc)
