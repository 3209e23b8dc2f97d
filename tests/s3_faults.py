"""A proxy before the S3 server that fails as buckets do: away, slow, or with half a body."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing, suppress
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Literal, Self
from urllib.parse import urlsplit

Fault = Literal["none", "away", "slow", "half"]

_SLOW_DOWN = b"<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>"
_DELAY = 0.2


class FaultyBucket:
    """`url` is the endpoint. `fault` chooses what happens to a request; `faults` counts what did."""

    def __init__(self, endpoint: str) -> None:
        self.fault: Callable[[str], Fault] = lambda _: "none"
        self.faults: Counter[str] = Counter()
        proxy, port = self, urlsplit(endpoint).port

        class Api(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                fault = proxy.fault(self.command)
                proxy.faults[fault] += 1
                if fault == "away":
                    self._send(503, {"Content-Type": "application/xml"}, _SLOW_DOWN)
                    return
                if fault == "slow":
                    time.sleep(_DELAY)
                with closing(HTTPConnection("127.0.0.1", port, timeout=60)) as connection:
                    # The host as the client named it, since the signature covers it.
                    connection.request(self.command, self.path, body, dict(self.headers))
                    answer = connection.getresponse()
                    content = answer.read()
                self._send(answer.status, dict(answer.headers), content, is_half=fault == "half")

            do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = _answer  # noqa: N815 - http.server's names

            def _send(
                self, status: int, headers: dict[str, str], body: bytes, *, is_half: bool = False
            ) -> None:
                self.send_response_only(status)
                headers = {"Content-Length": str(len(body)), **headers}
                for name, value in headers.items():
                    if name.lower() not in {"connection", "transfer-encoding"}:
                        self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body[: len(body) // 2] if is_half else body)
                self.close_connection = is_half

            def log_message(self, *_: object) -> None:
                """Requests are not logged."""

        class Server(ThreadingHTTPServer):
            request_queue_size = 128

            def handle_error(self, *_: object) -> None:
                """A process that was killed hangs up."""

        self._server = Server(("127.0.0.1", 0), Api)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):
            self._server.shutdown()
            self._server.server_close()
