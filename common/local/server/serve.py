"""uvicorn's server for one small machine: bounded connections, our errors, nothing loaded before its use."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import math
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager, nullcontext
from functools import partial
from types import FrameType
from typing import Any

from uvicorn.config import Config
from uvicorn.server import Server

from common.local.server.http_protocol import ConnectionLimits, HttpProtocol, Yielding
from common.log import log


class AddressUnusable(Exception):
    """Nobody can be served there; the sentence tells whoever starts the server why, and what to do."""


def serve(
    app: Any,
    *,
    host: str,
    port: int,
    limits: ConnectionLimits,
    lifespan: AbstractAsyncContextManager[None] | None = None,
    on_start: Callable[[int], None] = lambda _: None,
    on_stop: Callable[[], None] = lambda: None,
) -> None:
    """Serve `app` until SIGTERM or SIGINT, then finish what is in hand within `limits.shutdown` seconds.

    `lifespan` is entered before and left after; what it raises is raised here. `on_start` gets the port once
    clients can connect. `on_stop` is called at the signal, to end what would otherwise never be finished,
    such as watches. Raises AddressUnusable before anything else is done.
    """
    sockets = bound(host, port)
    server = build_server(app, host=host, port=port, limits=limits)
    server.on_start = on_start
    server.on_stop = on_stop
    with asyncio.Runner() as runner:
        runner.run(_serve(server, sockets, lifespan or nullcontext()))


async def _serve(
    server: _Server, sockets: list[socket.socket], lifespan: AbstractAsyncContextManager[None]
) -> None:
    with server.capture_signals():  # a signal that comes while `lifespan` is entered ends it in order too
        async with lifespan:
            await server.serve(sockets)


def bound(host: str, port: int) -> list[socket.socket]:
    """A socket for each address that `host` names, as asyncio binds them; nothing can connect yet."""
    sockets: list[socket.socket] = []
    try:
        found = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        for family, kind, protocol, _, address in dict.fromkeys(found):
            sockets.append(socket.socket(family, kind, protocol))
            sockets[-1].setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                sockets[-1].setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            sockets[-1].bind(address)
    except OSError as exc:
        for one in sockets:
            one.close()
        raise AddressUnusable(_sentence(host, port, exc)) from exc
    return sockets


def _sentence(host: str, port: int, exc: OSError) -> str:
    if exc.errno == errno.EADDRINUSE:
        return f"Something else listens on {host}:{port} already. Stop it, or choose another PORT."
    if exc.errno == errno.EACCES:
        return f"PORT {port} is for administrators. Choose one from 1024 up."
    return f"It cannot listen on HOST {host}, PORT {port}: {exc.strerror}."


def build_server(app: Any, *, host: str, port: int, limits: ConnectionLimits) -> _Server:
    """The server, not yet started."""
    _take_over_logging()
    # What has no whole request yet or any more, oldest first: closed for newcomers when all places are taken.
    idle: dict[Yielding, None] = {}
    config = Config(
        app,
        host=host,
        port=port,
        # uvloop saves nothing here: docs/decisions/receiving-uploads.md.
        loop="asyncio",
        http=partial(HttpProtocol, limits=limits, idle=idle),  # type: ignore[arg-type]
        ws=partial(_web_socket, stalled=limits.stalled, idle=idle),  # type: ignore[arg-type]
        ws_max_size=64 * 1024,
        ws_per_message_deflate=False,
        lifespan="on",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=math.ceil(limits.keep_alive),
        timeout_graceful_shutdown=math.ceil(limits.shutdown),
    )
    return _Server(config)


def _web_socket(*, stalled: float, idle: dict[Yielding, None], **uvicorns: Any) -> asyncio.Protocol:
    """Imported at the first upgrade: being healthy needs no WebSockets."""
    from common.local.server.websocket_protocol import WebSocketProtocol

    return WebSocketProtocol(stalled=stalled, idle=idle, **uvicorns)


class _Server(Server):
    on_start: Callable[[int], None] = staticmethod(lambda _: None)
    on_stop: Callable[[], None] = staticmethod(lambda: None)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.on_start(self.servers[0].sockets[0].getsockname()[1])

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        super().handle_exit(sig, frame)
        # A signal handler may run between any two lines: what it wants done waits for the loop.
        asyncio.get_running_loop().call_soon_threadsafe(self.on_stop)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """As uvicorn's, but the signal is not raised again: a stop that was asked for exits with 0."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {
            number: signal.signal(number, self.handle_exit) for number in (signal.SIGINT, signal.SIGTERM)
        }
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


class _Events(logging.Handler):
    """uvicorn's errors as events of our own log."""

    def emit(self, record: logging.LogRecord) -> None:
        broke = record.exc_info[1] if record.exc_info else None
        log("server", level="ERROR", told=record.getMessage().strip(), exc_info=broke)


def _take_over_logging() -> None:
    logger = logging.getLogger("uvicorn.error")
    logger.setLevel(logging.ERROR)  # below it there is a warning for each malformed request
    logger.propagate = False
    logger.handlers = [_Events()]
