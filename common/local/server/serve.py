"""uvicorn's server for one small machine: bounded connections, our errors, no import before it is needed."""

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

from common.local.server.connections import ConnectionLimits, IdleConnections
from common.local.server.http_protocol import HttpProtocol
from common.log import log


class AddressUnusable(Exception):
    """The server cannot listen at this address; the sentence says why, and what to do about it."""


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
    """Serve `app` until SIGTERM or SIGINT, then finish the requests in progress within `limits.shutdown`.

    `lifespan` is entered before and left after; what it raises is raised here. `on_start` gets the port once
    clients can connect. `on_stop` is called at the signal, to end what would never end by itself, such as
    watches. Raises AddressUnusable before anything else happens.
    """
    sockets = bind_sockets(host, port)
    server = build_server(app, host=host, port=port, limits=limits)
    server.on_start = on_start
    server.on_stop = on_stop
    with asyncio.Runner() as runner:
        runner.run(_serve(server, sockets, lifespan or nullcontext()))


async def _serve(
    server: _Server, sockets: list[socket.socket], lifespan: AbstractAsyncContextManager[None]
) -> None:
    with server.capture_signals():  # a signal while `lifespan` is being entered must end it in order, too
        async with lifespan:
            await server.serve(sockets)


def bind_sockets(host: str, port: int) -> list[socket.socket]:
    """One socket for each address of `host`, bound as asyncio would, but not listening yet."""
    sockets: list[socket.socket] = []
    try:
        addresses = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        for family, kind, protocol, _, address in dict.fromkeys(addresses):
            sockets.append(socket.socket(family, kind, protocol))
            sockets[-1].setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                sockets[-1].setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            sockets[-1].bind(address)
    except OSError as exc:
        for unused in sockets:
            unused.close()
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
    idle = IdleConnections()
    config = Config(
        app,
        host=host,
        port=port,
        # uvloop saves nothing here: docs/decisions/receiving-uploads.md.
        loop="asyncio",
        http=partial(HttpProtocol, limits=limits, idle=idle),  # type: ignore[arg-type]
        ws=partial(_websocket_protocol, stalled=limits.stalled, idle=idle),  # type: ignore[arg-type]
        ws_max_size=64 * 1024,
        ws_per_message_deflate=False,
        lifespan="off",  # `serve` has its own
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=math.ceil(limits.keep_alive),
        timeout_graceful_shutdown=math.ceil(limits.shutdown),
    )
    return _Server(config)


def _websocket_protocol(
    *, stalled: float, idle: IdleConnections, **uvicorn_arguments: Any
) -> asyncio.Protocol:
    """Imported at the first upgrade: /health needs no WebSockets."""
    from common.local.server.websocket_protocol import WebSocketProtocol

    return WebSocketProtocol(stalled=stalled, idle=idle, **uvicorn_arguments)


class _Server(Server):
    on_start: Callable[[int], None] = staticmethod(lambda _: None)
    on_stop: Callable[[], None] = staticmethod(lambda: None)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.on_start(self.servers[0].sockets[0].getsockname()[1])

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        super().handle_exit(sig, frame)
        # A signal handler may run between any two lines, so the loop calls `on_stop`.
        asyncio.get_running_loop().call_soon_threadsafe(self.on_stop)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """As uvicorn's, but the signal is not raised again: an orderly stop exits with 0."""
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
    """Writes uvicorn's errors to our own log."""

    def emit(self, record: logging.LogRecord) -> None:
        exc = record.exc_info[1] if record.exc_info else None
        log("server", level="ERROR", detail=record.getMessage().strip(), exc_info=exc)


def _take_over_logging() -> None:
    logger = logging.getLogger("uvicorn.error")
    logger.setLevel(logging.ERROR)  # uvicorn warns of each malformed request
    logger.propagate = False
    logger.handlers = [_Events()]
