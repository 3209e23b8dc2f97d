"""A real server on a real socket in a thread of its own, and clients that speak raw bytes to it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, Self

from common.local.server.http_protocol import ConnectionLimits
from common.local.server.serve import build_server


@contextlib.contextmanager
def serving(app: Any, limits: ConnectionLimits | None = None) -> Iterator[int]:
    """The port that `app` is served on until the block ends."""
    server = build_server(app, host="127.0.0.1", port=0, limits=limits or ConnectionLimits(shutdown=1))
    thread = threading.Thread(target=lambda: asyncio.run(server.serve()))
    thread.start()
    wait_until(lambda: server.started or not thread.is_alive())
    try:
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.should_exit = True
        thread.join(60)
        assert not thread.is_alive()


def wait_until(condition: Callable[[], bool], seconds: float = 60) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "it never came to be"
        time.sleep(0.005)


class Client:
    """One connection; `read` gives all that comes until the server closes or has answered once."""

    def __init__(self, port: int, *, seconds: float = 60) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=seconds)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def send(self, data: bytes) -> Client:
        self.socket.sendall(data)
        return self

    def post(self, path: str, body: bytes = b"", *, length: int | None = None, headers: str = "") -> Client:
        told = len(body) if length is None else length
        lines = f"POST {path} HTTP/1.1\r\nhost: x\r\ncontent-length: {told}\r\n{headers}\r\n"
        return self.send(lines.encode() + body)

    def get(self, path: str) -> Client:
        return self.send(f"GET {path} HTTP/1.1\r\nhost: x\r\n\r\n".encode())

    def until_closed(self) -> bytes:
        """All that comes until the server closes."""
        told = b""
        with contextlib.suppress(ConnectionResetError):
            while block := self.socket.recv(65536):
                told += block
        return told

    def answer(self) -> tuple[int, dict[str, str], Any]:
        """Status, headers and JSON of one answer."""
        told = b""
        while b"\r\n\r\n" not in told:
            told += self._more()
        head, _, body = told.partition(b"\r\n\r\n")
        status, *lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        while len(body) < int(headers.get("content-length", "0")):
            body += self._more()
        return int(status.split()[1]), headers, json.loads(body) if body else None

    def answer_within(self, seconds: float) -> tuple[int, dict[str, str], Any] | None:
        """The answer, or None when none begins in time."""
        self.socket.settimeout(seconds)
        try:
            self.socket.recv(1, socket.MSG_PEEK)
        except TimeoutError:
            return None
        finally:
            self.socket.settimeout(60)
        return self.answer()

    def _more(self) -> bytes:
        block = self.socket.recv(65536)
        assert block, "closed without an answer"
        return block


def told(port: int, path: str = "/health") -> int:
    """The status of one GET."""
    with Client(port) as client:
        return client.get(path).answer()[0]
