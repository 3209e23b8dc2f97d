"""uvicorn's HTTP protocol with an end to its patience, and with a receive path that copies nothing."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import uuid
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from common.errors import EscribaError, HeadersTooLarge, RequestMalformed
from common.http.error_response import failure

_PIPELINED = 8
_READ_BYTES = 1024 * 1024  # at once: a quarter of asyncio's reads, each of which all layers above handle
_GATHERED_BYTES = 32 * 1024  # are waited for before the next read of a long body
_HELD_BYTES = 256 * 1024  # while the app is busy; more would have to be joined to it


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """How long a connection may do nothing, in seconds, and how many there may be.

    A whole request header is due `header` after the connection; an idle one is kept for `keep_alive`; an
    answer waits `stalled` for its reader; a stop waits `shutdown` for what is in hand. `envelope_bytes` is
    for the headers, and for what surrounds the chunks of a body beyond a quarter of that body.
    """

    header: float = 10.0
    keep_alive: float = 75.0
    stalled: float = 30.0
    shutdown: float = 20.0
    connections: int = 512
    envelope_bytes: int = 32 * 1024


class Yielding(Protocol):
    """A connection with nothing in hand, which a newcomer may have the place of."""

    def evict(self) -> None: ...


class HttpProtocol(HttpToolsProtocol):
    """`idle` is shared by all connections: those without a request in hand, the oldest first."""

    def __init__(self, *, limits: ConnectionLimits, idle: dict[Yielding, None], **uvicorns: Any) -> None:
        super().__init__(**uvicorns)
        self._limits = limits
        self._idle = idle
        self._envelope = 0
        self._opening = 0
        self._in_message = False
        self._body_left = 0
        self._waits_for = 1
        self._due: asyncio.TimerHandle | None = None
        self._stalled: asyncio.TimerHandle | None = None

    # ── a connection's life ───────────────────────────────────────────────────────────────────────

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        transport.max_size = _READ_BYTES  # type: ignore[attr-defined]
        self._start_idling(self._limits.header)
        if len(self.connections) > self._limits.connections:
            # Rather than answer 503, which would answer /health so too.
            next(iter(self._idle)).evict()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_idling()
        self.resume_writing()
        super().connection_lost(exc)

    def on_headers_complete(self) -> None:
        self._stop_idling()
        if len(self.pipeline) >= _PIPELINED:
            raise RequestMalformed
        self._gather(next((int(value) for name, value in self.headers if name == b"content-length"), 0))
        super().on_headers_complete()
        if self.parser.should_upgrade() and not self._should_upgrade():
            self.cycle.keep_alive = False  # the parser reads nothing after an upgrade, ours or not

    def on_response_complete(self) -> None:
        has_next = bool(self.pipeline)
        super().on_response_complete()
        if self.transport.is_closing():
            self._start_idling(self._limits.stalled)
        elif not has_next:
            # uvicorn's own timer ends with the next byte, whatever that is.
            self._start_idling(self._limits.keep_alive + self._limits.header)

    def _start_asgi_task(self, cycle: Any, app: Any) -> None:
        super()._start_asgi_task(cycle, partial(self._served, app))

    async def _served(self, app: Any, scope: Any, receive: Any, send: Any) -> Any:
        try:
            return await app(scope, receive, send)
        finally:
            # By then uvicorn has closed what was not answered to its end, which completes no response.
            self.loop.call_soon(self._start_idling_if_cut)

    def _start_idling_if_cut(self) -> None:
        if self.transport.is_closing() and self in self.connections and self not in self._idle:
            self._start_idling(self._limits.stalled)

    def _start_idling(self, seconds: float) -> None:
        self._stop_idling()
        self._idle[self] = None
        self._due = self.loop.call_later(seconds, self.evict)

    def _stop_idling(self) -> None:
        self._idle.pop(self, None)
        if self._due:
            self._due.cancel()
            self._due = None

    def evict(self) -> None:
        """End at once, with nothing said."""
        self._stop_idling()
        self.connections.discard(self)  # not when the loop comes round to it: more may be knocking
        self.transport.abort()

    # ── what it may weigh ─────────────────────────────────────────────────────────────────────────

    def on_message_begin(self) -> None:
        self._envelope, self._opening = self._opening, 0
        self._in_message = True
        super().on_message_begin()

    def on_message_complete(self) -> None:
        self._in_message = False
        self._gather(0)
        super().on_message_complete()

    def data_received(self, data: bytes) -> None:
        # Where a request begins inside a block that an earlier one ends, how much is its own is not told.
        self._opening = 0 if self._in_message else len(data)
        self._envelope += len(data)
        super().data_received(data)
        # The parser gathers a header, a trailer or a chunk's extension for as long as it comes.
        if self._envelope > self._limits.envelope_bytes:
            self._refuse(HeadersTooLarge())

    def _gather(self, body_left: int) -> None:
        """Let the kernel collect a long body's packets: to be woken for each costs ten times as much CPU."""
        self._body_left = body_left
        waits_for = max(1, min(body_left, _GATHERED_BYTES))
        if waits_for != self._waits_for:
            self._waits_for = waits_for
            with contextlib.suppress(OSError):
                connection = self.transport.get_extra_info("socket")
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, waits_for)

    def on_body(self, body: bytes) -> None:
        self._envelope -= len(body) + len(body) // 4
        self._gather(self._body_left - len(body))
        cycle = self.cycle
        if cycle.response_complete or (self.parser.should_upgrade() and self._should_upgrade()):
            return
        held: bytes | bytearray = cycle.body
        if not held:
            # As it came, instead of gathered: uvicorn's `receive` hands bytes on without a copy.
            cycle.body = body  # type: ignore[assignment]
        elif isinstance(held, bytes):
            cycle.body = bytearray(held) + body
        else:
            cycle.body += body
        if len(cycle.body) >= _HELD_BYTES:
            self.flow.pause_reading()
        cycle.message_event.set()

    def _should_upgrade(self) -> bool:
        """Only what `websockets` can open: with another it would sit there, silent, and for ever."""
        has_body = any(name in {b"content-length", b"transfer-encoding"} for name, _ in self.headers)
        return self.scope["method"] == "GET" and not has_body and super()._should_upgrade()

    # ── answers ───────────────────────────────────────────────────────────────────────────────────

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - uvicorn's English
        self._refuse(RequestMalformed())

    def _refuse(self, error: EscribaError) -> None:
        if self.transport.is_closing():
            return
        if self.cycle and not self.cycle.response_complete:
            self.transport.abort()  # another request is being answered: nothing may be written between
            return
        status, headers, body = failure(error, accept_language="", request_id=uuid.uuid4().hex)
        lines = b"".join(name + b": " + value + b"\r\n" for name, value in headers)
        self.transport.write(STATUS_LINE[status] + lines + b"connection: close\r\n\r\n" + body)
        self.transport.close()
        self._start_idling(self._limits.stalled)

    def pause_writing(self) -> None:
        super().pause_writing()
        self._stalled = self.loop.call_later(self._limits.stalled, self.evict)

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._stalled:
            self._stalled.cancel()
            self._stalled = None

    def handle_websocket_upgrade(self) -> None:
        self._envelope = 0
        super().handle_websocket_upgrade()
