"""A real server on a real socket in a thread of its own, and a client that sends it raw bytes."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, Self

from common.local.server.connections import ConnectionLimits
from common.local.server.serve import build_server

Answer = tuple[int, dict[str, str], Any]


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


def wait_until(condition: Callable[[], bool], seconds: float = 300) -> None:
    """Look ever less often, 20 times a second at last: most conditions ask a server, which costs it, too."""
    began = time.monotonic()
    while not condition():
        waited = time.monotonic() - began
        assert waited < seconds, "the condition was never met"
        time.sleep(min(0.05, max(0.005, waited / 20)))


class Client:
    """One connection."""

    def __init__(self, port: int, *, seconds: float = 300) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=seconds)
        self._seconds = seconds
        self._unread = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def send(self, data: bytes) -> Client:
        self.socket.sendall(data)
        return self

    def post(self, path: str, body: bytes = b"", *, length: int | None = None, headers: str = "") -> Client:
        """`length` announces a body that is not, or not wholly, sent with this call."""
        size = len(body) if length is None else length
        head = f"POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-length: {size}\r\n{headers}\r\n"
        return self.send(head.encode() + body)

    def get(self, path: str) -> Client:
        return self.send(f"GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n".encode())

    def until_closed(self) -> bytes:
        """All that comes until the server closes."""
        with contextlib.suppress(ConnectionResetError):
            while block := self.socket.recv(65536):
                self._unread += block
        received, self._unread = self._unread, b""
        return received

    def until(self, end: bytes) -> bytes:
        """All that comes up to `end`, and with it."""
        while end not in self._unread:
            self._receive()
        received, _, self._unread = self._unread.partition(end)
        return received + end

    def answer(self) -> Answer:
        """Status, headers and JSON of the next answer; interim answers (1xx) before it are skipped."""
        head = "HTTP/1.1 100 "
        while head.startswith("HTTP/1.1 1"):
            head = self.until(b"\r\n\r\n").decode("latin-1")
        status, *lines = head.rstrip("\r\n").split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        size = int(headers.get("content-length", "0"))
        while len(self._unread) < size:
            self._receive()
        body, self._unread = self._unread[:size], self._unread[size:]
        return int(status.split()[1]), headers, json.loads(body) if body else None

    def answer_within(self, seconds: float) -> Answer | None:
        """The next answer, or None when it does not begin in time."""
        self.socket.settimeout(seconds)
        try:
            self._receive()
        except TimeoutError:
            return None
        finally:
            self.socket.settimeout(self._seconds)
        return self.answer()

    def _receive(self) -> None:
        block = self.socket.recv(65536)
        assert block, "closed without an answer"
        self._unread += block


def status_of(port: int, path: str = "/health") -> int:
    """The status of one GET."""
    with Client(port) as client:
        return client.get(path).answer()[0]
