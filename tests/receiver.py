"""A real receiver of webhooks: keeps what it is sent, and answers as its script says."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from standardwebhooks import Webhook

Answer = Callable[[BaseHTTPRequestHandler], None]


@dataclass(frozen=True)
class Received:
    """One request, and when it came."""

    path: str
    headers: Mapping[str, str]
    body: bytes
    at: float = field(default_factory=time.monotonic)

    def verified(self, secret: bytes | str) -> dict[str, Any]:
        """The payload, once Standard Webhooks' own library has found the signature to be good."""
        payload: dict[str, Any] = Webhook(secret).verify(self.body, dict(self.headers))
        return payload


def status(code: int, **headers: str) -> Answer:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(code)
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    return answer


def silence(seconds: float) -> Answer:
    """No answer for so long, then none at all."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        time.sleep(seconds)
        handler.close_connection = True

    return answer


def endless(handler: BaseHTTPRequestHandler) -> None:
    """200, and a body that never ends."""
    handler.send_response(200)
    handler.end_headers()
    try:
        while True:
            handler.wfile.write(bytes(65536))
    except OSError:
        handler.close_connection = True


class Receiver:
    """Answers from `script` in turn, else 204. `port` 0: any free one."""

    def __init__(self, port: int = 0, *, address: str = "127.0.0.1") -> None:
        self.received: list[Received] = []
        self.script: deque[Answer] = deque()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                receiver.received.append(Received(self.path, dict(self.headers), body))
                answer = receiver.script.popleft() if receiver.script else status(204)
                answer(self)

            do_GET = do_POST  # noqa: N815 - http.server's name

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer((address, port), Handler)
        self._server.daemon_threads = True
        self._server.block_on_close = False
        self.port = self._server.server_address[1]
        self.url = f"http://{address}:{self.port}/hook?for=tests"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
