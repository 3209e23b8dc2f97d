"""uvicorn's WebSocket protocol with a bound on time: a client that does not read is disconnected.

It relies on private members of uvicorn and asyncio, which tests/unit/test_uvicorn_members.py lists.
"""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import Frame

from common.local.server.connections import IdleConnections

_MALFORMED = b"HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
_READ_BYTES = 32 * 1024  # per read: a watcher sends little, and each empty frame becomes an object


class WebSocketProtocol(WebSocketsSansIOProtocol):
    """Aborts after `stalled` seconds in which the client read nothing, opened no socket or closed none.

    transport.close() alone would wait for ever: it first sends its buffer, and a client whose kernel lives
    but whose window stays shut never takes it. So a closed socket that is still there also counts as idle,
    and can be evicted for a newcomer. What a client sends is ignored: a watcher only reads.
    """

    def __init__(self, *, stalled: float, idle: IdleConnections, **uvicorn_arguments: Any) -> None:
        super().__init__(**uvicorn_arguments)
        self._stalled_seconds = stalled
        self._idle = idle
        self._write_timer: asyncio.TimerHandle | None = None
        self._close_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        transport.max_size = _READ_BYTES  # type: ignore[attr-defined]
        self.loop.call_later(self._stalled_seconds, self._abort_if_not_open)

    def _abort_if_not_open(self) -> None:
        if not self.handshake_complete:
            self.transport.abort()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if not self.handshake_initiated and self.conn.handshake_exc is not None:
            # `websockets` reads no request with so many headers, and uvicorn would wait on.
            self.transport.write(_MALFORMED)
            self.transport.close()
        self._start_close_timer()

    def handle_text(self, event: Frame) -> None:
        """Drop the frame, and those that continue it: empty ones have no size, and may be millions."""

    handle_bytes = handle_cont = handle_text

    def pause_writing(self) -> None:
        super().pause_writing()
        self.transport.pause_reading()  # each ping would be answered, into a buffer without end
        self._write_timer = self.loop.call_later(self._stalled_seconds, self.transport.abort)

    def resume_writing(self) -> None:
        super().resume_writing()
        self._stop_write_timer()
        self.transport.resume_reading()

    def _stop_write_timer(self) -> None:
        if self._write_timer:
            self._write_timer.cancel()
            self._write_timer = None

    # ── its end ───────────────────────────────────────────────────────────────────────────────────

    async def send(self, message: Any) -> None:
        await super().send(message)
        self._start_close_timer()

    async def run_asgi(self) -> None:
        await super().run_asgi()
        self._start_close_timer()

    def keepalive_timeout(self) -> None:
        super().keepalive_timeout()
        self._start_close_timer()

    def shutdown(self) -> None:
        super().shutdown()
        self._start_close_timer()

    def _start_close_timer(self) -> None:
        """Once the socket is closed from our side; otherwise do nothing."""
        is_closed = self.close_sent or self.transport.is_closing()
        if is_closed and not (self.disconnected or self._close_timer):
            self._idle.add(self)
            self._close_timer = self.loop.call_later(self._stalled_seconds, self.evict)

    def evict(self) -> None:
        """Close at once and send nothing."""
        self._idle.discard(self)
        self.connections.discard(self)  # the loop would do so later, after other newcomers have been counted
        self.transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_write_timer()
        self._idle.discard(self)
        if self._close_timer:
            self._close_timer.cancel()
        self.connections.add(self)  # uvicorn removes it, and fails if `evict` has
        super().connection_lost(exc)
