"""uvicorn's server for one small machine: bounded connections, our errors, nothing loaded before its use."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import signal
import threading
from collections.abc import Callable, Iterator
from functools import partial
from types import FrameType
from typing import Any

from uvicorn.config import Config
from uvicorn.server import Server

from common.local.patient_protocol import Patience, PatientProtocol
from common.log import log


def serve(
    app: Any,
    *,
    host: str,
    port: int,
    patience: Patience,
    trusted_proxies: str = "",
    on_stop: Callable[[], None] = lambda: None,
) -> None:
    """Serve `app` until SIGTERM or SIGINT, then finish what is in hand within `patience.shutdown` seconds.

    `on_stop` is called at that signal, to end what would otherwise never be finished, such as watches.
    `trusted_proxies` (addresses and networks, separated by commas) may say who the client is. Raises
    SystemExit when the address cannot be bound or the app's lifespan fails.
    """
    server = build_server(app, host=host, port=port, patience=patience, trusted_proxies=trusted_proxies)
    server.on_stop = on_stop
    with asyncio.Runner() as runner:
        runner.run(server.serve())


def build_server(app: Any, *, host: str, port: int, patience: Patience, trusted_proxies: str = "") -> _Server:
    """The server, not yet started."""
    _take_over_logging()
    # What has no whole request yet or any more, oldest first: closed for newcomers when all places are taken.
    idle: dict[PatientProtocol, None] = {}
    config = Config(
        app,
        host=host,
        port=port,
        # uvloop saves nothing here: docs/decisions/receiving-uploads.md.
        loop="asyncio",
        http=partial(PatientProtocol, patience=patience, idle=idle),  # type: ignore[arg-type]
        ws=partial(_web_socket, stalled=patience.stalled),  # type: ignore[arg-type]
        ws_max_size=64 * 1024,
        ws_per_message_deflate=False,
        lifespan="on",
        log_config=None,
        access_log=False,
        proxy_headers=bool(trusted_proxies),
        forwarded_allow_ips=trusted_proxies,
        server_header=False,
        timeout_keep_alive=math.ceil(patience.keep_alive),
        timeout_graceful_shutdown=math.ceil(patience.shutdown),
    )
    return _Server(config)


def _web_socket(*, stalled: float, **uvicorns: Any) -> asyncio.Protocol:
    """Imported at the first upgrade: being healthy needs no WebSockets."""
    from common.local.patient_socket import PatientSocket

    return PatientSocket(stalled=stalled, **uvicorns)


class _Server(Server):
    on_stop: Callable[[], None] = staticmethod(lambda: None)

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
