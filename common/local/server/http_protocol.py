"""uvicorn's HTTP protocol with bounds on time and size, and a receive path that does not copy bodies.

It relies on private members of uvicorn and asyncio, which tests/unit/test_uvicorn_members.py lists.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import uuid
from functools import partial
from typing import Any

import httptools
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from common.errors import EscribaError, HeadersTooLarge, RequestMalformed
from common.http.error_response import failure
from common.local.server.connections import ConnectionLimits, IdleConnections, cancel_timer
from common.local.server.half_closed import HalfClosedProbe
from common.local.server.request_head import (
    check_host,
    content_length,
    has_body,
    head_bytes,
    without_upgrade,
)
from common.local.server.watched_flow import WatchedFlow

_MAX_PIPELINED = 8
_FIRST_READ_BYTES = 64 * 1024  # per read, while the app may not want the body yet
_READ_BYTES = 1024 * 1024  # after that: a quarter of asyncio's reads, each of which all layers above handle
_GATHER_BYTES = 32 * 1024  # the kernel collects so much of a long body before it reports anything
_BUFFER_BYTES = 256 * 1024  # of a body while the app is busy; more would have to be joined to it


class HttpProtocol(HttpToolsProtocol):
    """One connection. `idle` is shared by all connections of the server."""

    def __init__(self, *, limits: ConnectionLimits, idle: IdleConnections, **uvicorn_arguments: Any) -> None:
        super().__init__(**uvicorn_arguments)
        self._limits = limits
        self._idle = idle
        self._envelope_bytes = 0  # of the current message, without its body
        self._block_bytes = 0  # of the block that a message may begin in
        self._in_message = False
        self._body_bytes = self._body_left = 0
        self._client_left: asyncio.Future[None] = self.loop.create_future()
        self._low_water_mark = 1
        self._idle_timer: asyncio.TimerHandle | None = None
        self._write_timer: asyncio.TimerHandle | None = None
        self._probe: HalfClosedProbe | None = None

    # ── connections ───────────────────────────────────────────────────────────────────────────────

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.flow = WatchedFlow(transport, self._awaited_bytes)
        self._start_idling(self._limits.header)
        # uvicorn would answer 503 to all, /health included, once there are too many.
        self._idle.make_room(self.connections, limit=self._limits.connections, newcomer=self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_idling()
        if not self._client_left.done():
            self._client_left.set_result(None)
        if self._probe:
            self._probe.close()
        self.resume_writing()
        super().connection_lost(exc)

    def _start_idling(self, seconds: float) -> None:
        self._stop_idling()
        self._idle.add(self)
        self._idle_timer = self.loop.call_later(seconds, self.evict)

    def _stop_idling(self) -> None:
        self._idle.discard(self)
        cancel_timer(self._idle_timer)

    def evict(self) -> None:
        """Close at once and send nothing."""
        self._stop_idling()
        self.connections.discard(self)  # the loop would do so later, after other newcomers have been counted
        self.transport.abort()

    def eof_received(self) -> bool:  # type: ignore[override]
        """The client sends no more: keep the connection if a whole request waits for its answer to start."""
        cycle = self.cycle
        if not self._probe:
            awaits_answer = cycle and not (cycle.more_body or cycle.response_started or self._in_message)
            if not awaits_answer:
                return False
            cycle.keep_alive = False
            self._probe = HalfClosedProbe(cycle, self.transport, self.pipeline)
        return True

    def _awaited_bytes(self) -> int:
        has_answer = self.pipeline or self.cycle.response_started  # which the client may still read
        return 0 if has_answer else self._body_left

    # ── parsing ───────────────────────────────────────────────────────────────────────────────────

    def data_received(self, data: bytes) -> None:
        self._unset_keepalive_if_required()
        # Where a request begins inside a block that an earlier one ends, its own share is unknown.
        self._block_bytes = 0 if self._in_message else len(data)
        self._envelope_bytes += len(data)
        self._parse(data)
        # The parser gathers a header, a trailer or a chunk's extension for as long as it comes.
        if self._envelope_bytes > self._limits.envelope_bytes:
            self._refuse(HeadersTooLarge())

    def _parse(self, data: bytes) -> None:
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            rest = data[upgrade.args[0] :]
            if self._should_upgrade():
                self._envelope_bytes = 0
                self.handle_websocket_upgrade()
            else:
                self._parse_without_upgrade(rest)
        except httptools.HttpParserError as exc:
            cause = exc.__context__  # what a method below raised
            self._refuse(cause if isinstance(cause, EscribaError) else RequestMalformed())

    def _parse_without_upgrade(self, rest: bytes) -> None:
        """Serve the request and ignore the protocol that it offers (RFC 9110, 7.8).

        The parser ends at the headers of an upgrade and skips the body, so another one reads the same
        headers without the offer. Java's HttpClient offers HTTP/2 with every first request.
        """
        version = self.parser.get_http_version()
        head = without_upgrade(self.parser.get_method(), self.url, self.headers, http_version=version)
        self.parser = httptools.HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn's own
        self._block_bytes = self._envelope_bytes
        self._parse(head + rest)

    def on_message_begin(self) -> None:
        self._envelope_bytes, self._block_bytes = self._block_bytes, 0
        self._in_message, self._body_bytes = True, 0
        self.transport.max_size = _FIRST_READ_BYTES  # type: ignore[attr-defined]
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._stop_idling()
        self._check_head()
        if self.parser.should_upgrade() and not self._should_upgrade():
            return
        self._gather(content_length(self.headers))
        super().on_headers_complete()

    def _check_head(self) -> None:
        """Raises EscribaError, which `_parse` answers."""
        if head_bytes(self.url, self.headers) > self._limits.envelope_bytes:
            raise HeadersTooLarge
        check_host(self.headers, http_version=self.parser.get_http_version())
        if len(self.pipeline) >= _MAX_PIPELINED or self.parser.get_method() == b"CONNECT":
            raise RequestMalformed

    def on_body(self, body: bytes) -> None:
        self._envelope_bytes -= len(body) + len(body) // 4
        self._gather(self._body_left - len(body))
        cycle = self.cycle
        if cycle.response_complete:
            return
        self._body_bytes += len(body)
        buffer: bytes | bytearray = cycle.body
        if not buffer:
            if self._body_bytes > _BUFFER_BYTES:
                self.transport.max_size = _READ_BYTES  # type: ignore[attr-defined]
            # As it came, instead of copied into a buffer: uvicorn's `receive` passes bytes on without a copy.
            cycle.body = body  # type: ignore[assignment]
        elif isinstance(buffer, bytes):
            cycle.body = bytearray(buffer) + body
        else:
            cycle.body += body
        if len(cycle.body) >= _BUFFER_BYTES:
            self.flow.pause_reading()
        cycle.message_event.set()

    def on_message_complete(self) -> None:
        self._in_message = False
        self._gather(0)
        if not self.parser.should_upgrade():
            super().on_message_complete()

    def _gather(self, body_left: int) -> None:
        """Let the kernel collect a long body's packets: to wake for each costs ten times as much CPU."""
        self._body_left = body_left
        mark = max(1, min(body_left, _GATHER_BYTES))
        if mark != self._low_water_mark:
            self._low_water_mark = mark
            with contextlib.suppress(OSError):
                connection = self.transport.get_extra_info("socket")
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, mark)

    def _should_upgrade(self) -> bool:
        """Only to what `websockets` can open: with any other request it would wait and never answer."""
        is_get = self.parser.get_method() == b"GET"
        return is_get and not has_body(self.headers) and super()._should_upgrade()

    # ── answers ───────────────────────────────────────────────────────────────────────────────────

    def on_response_complete(self) -> None:
        has_next = bool(self.pipeline)
        super().on_response_complete()
        if self.transport.is_closing():
            self._start_idling(self._limits.stalled)
        elif not has_next:
            # uvicorn's own timer ends with the next byte, whatever that is.
            self._start_idling(self._limits.keep_alive + self._limits.header)

    def _start_asgi_task(self, cycle: Any, app: Any) -> None:
        cycle.scope["state"]["client_left"] = self._client_left
        super()._start_asgi_task(cycle, partial(self._call, app))

    async def _call(self, app: Any, scope: Any, receive: Any, send: Any) -> Any:
        try:
            return await app(scope, receive, send)
        finally:
            # uvicorn closes an answer that the app left incomplete, but does not call on_response_complete.
            self.loop.call_soon(self._start_idling_if_incomplete)

    def _start_idling_if_incomplete(self) -> None:
        if self.transport.is_closing() and self in self.connections and self not in self._idle:
            self._start_idling(self._limits.stalled)

    def _refuse(self, error: EscribaError) -> None:
        if self.transport.is_closing():
            return
        if self.cycle and not self.cycle.response_complete:
            self.transport.abort()  # another answer is in progress: nothing may be written between its parts
            return
        status, headers, body = failure(error, accept_language="", request_id=uuid.uuid4().hex)
        lines = b"".join(name + b": " + value + b"\r\n" for name, value in headers)
        self.transport.write(STATUS_LINE[status] + lines + b"connection: close\r\n\r\n" + body)
        self.transport.close()
        self._start_idling(self._limits.stalled)

    def pause_writing(self) -> None:
        super().pause_writing()
        self._write_timer = self.loop.call_later(self._limits.stalled, self.evict)

    def resume_writing(self) -> None:
        super().resume_writing()
        cancel_timer(self._write_timer)
