"""A real web server of recordings that breaks off, redirects, dribbles and lies as a test asks for."""

from __future__ import annotations

import hashlib
import re
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self

Answer = Callable[["Handler", bytes], None]


@dataclass
class Asked:
    """One request."""

    path: str
    headers: Mapping[str, str]


@dataclass
class FileServer:
    """Serves `files` by path, with ranges; the answers in `script` come first, in turn."""

    files: dict[str, bytes] = field(default_factory=dict)
    script: deque[Answer] = field(default_factory=deque)
    requests: list[Asked] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    has_tags: bool = True
    address: str = "127.0.0.1"
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://{self.address}:{self.port}"

    def reset(self) -> None:
        self.files.clear()
        self.script.clear()
        self.requests.clear()
        self.headers.clear()
        self.has_tags = True

    def __enter__(self) -> Self:
        class Bound(Handler):
            pass

        Bound.server_of_files = self

        self._server = ThreadingHTTPServer((self.address, self.port), Bound)
        self._server.daemon_threads = True
        self._server.block_on_close = False
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_of_files: FileServer

    def do_GET(self) -> None:
        files = self.server_of_files
        files.requests.append(Asked(self.path, {name.lower(): value for name, value in self.headers.items()}))
        content = files.files.get(self.path.partition("?")[0], b"")
        answer = files.script.popleft() if files.script else whole
        try:
            answer(self, content)
        except OSError:
            self.close_connection = True

    def start(self, status: int, size: int | None, **headers: str) -> None:
        self.send_response(status)
        for name, value in {**self.server_of_files.headers, **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        if size is None:
            self.close_connection = True
        else:
            self.send_header("Content-Length", str(size))
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Requests are not logged."""


def tag_of(content: bytes) -> str:
    return f'"{hashlib.sha256(content).hexdigest()[:16]}"'


def send(
    handler: Handler, content: bytes, *, share: float = 1.0, pause: float = 0.0, pieces: int = 20
) -> None:
    """The content, or the range of it that was requested; of it only a share, in pieces with pauses."""
    tags = {"ETag": tag_of(content)} if handler.server_of_files.has_tags else {}
    if not content:
        handler.start(404, 0)
        return
    wanted = re.fullmatch(r"bytes=(\d+)-", handler.headers.get("range", ""))
    if wanted and handler.headers.get("if-range") == tag_of(content):
        first, last = int(wanted[1]), len(content) - 1
        body = content[first:]
        handler.start(206, len(body), Content_Range=f"bytes {first}-{last}/{len(content)}", **tags)
    else:
        body = content
        handler.start(200, len(body), **tags)
    sent = body[: int(len(body) * share)]
    step = max(1, len(sent) // pieces) if pause else max(1, len(sent))
    for start in range(0, len(sent), step):
        handler.wfile.write(sent[start : start + step])
        time.sleep(pause)
    if share < 1:
        handler.close_connection = True


def whole(handler: Handler, content: bytes) -> None:
    send(handler, content)


def broken_off(share: float) -> Answer:
    return lambda handler, content: send(handler, content, share=share)


def dribble(seconds: float, *, pieces: int = 20) -> Answer:
    """The whole content in so many seconds."""
    return lambda handler, content: send(handler, content, pause=seconds / pieces, pieces=pieces)


def status(code: int, body: bytes = b"", **headers: str) -> Answer:
    def answer(handler: Handler, _: bytes) -> None:
        handler.start(code, len(body), **headers)
        handler.wfile.write(body)

    return answer


def redirect(location: str, code: int = 302) -> Answer:
    return status(code, Location=location)


def without_length(handler: Handler, content: bytes) -> None:
    """The end of the connection is the end of the content."""
    handler.start(200, None)
    handler.wfile.write(content)


def silence(seconds: float) -> Answer:
    """The first bytes, then nothing."""

    def answer(handler: Handler, content: bytes) -> None:
        handler.start(200, len(content), ETag=tag_of(content))
        handler.wfile.write(content[:1000])
        handler.wfile.flush()
        time.sleep(seconds)
        handler.close_connection = True

    return answer


def endless(handler: Handler, _: bytes) -> None:
    handler.start(200, None)
    while True:
        handler.wfile.write(b"\xff" * 65536)
