"""Lambda's Runtime API, and a process that runs a handler of ours under AWS's own client of it.

https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
"""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self

from tests.server import ROOT
from tests.template import template

HANDLER = str(template()["Globals"]["Function"]["Handler"])
TRACE = "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Parent=9a9197af755a6419;Sampled=1"
LARGEST = 6 * 1024 * 1024  # bytes of an event, and of an answer


class FunctionError(Exception):
    """The function failed: what its runtime reported."""


class Killed(Exception):
    """The process ended before it answered."""


@dataclass
class _Call:
    event: bytes
    deadline: float
    request_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    done: threading.Event = field(default_factory=threading.Event)
    answer: Any = None
    error: Any = None


class LambdaProcess:
    """One sandbox of the function that `environment` names in FUNCTION_MODULE. Use it as a context."""

    def __init__(self, log: Path, environment: Mapping[str, str]) -> None:
        self.log = log
        self._environment = environment
        self._calls: queue.Queue[_Call] = queue.Queue()
        self._current: dict[str, _Call] = {}
        self._ready = threading.Event()

    def __enter__(self) -> Self:
        process = self

        class Api(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                process._give_next(self)

            def do_POST(self) -> None:
                process._take_answer(self)

            def log_message(self, *_: object) -> None:
                """Requests are not logged."""

        class Server(ThreadingHTTPServer):
            def handle_error(self, *_: object) -> None:
                """A process that was killed hangs up."""

        self._server = Server(("127.0.0.1", 0), Api)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()
        self._start()
        return self

    def _start(self) -> None:
        port = self._server.server_address[1]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-W", "error", "-m", "awslambdaric", HANDLER],
                cwd=ROOT,
                env={
                    "PATH": os.environ["PATH"],
                    "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{port}",
                    "AWS_LAMBDA_FUNCTION_NAME": "escriba",
                    "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
                    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "1769",
                    "AWS_EXECUTION_ENV": "AWS_Lambda_python3.13",
                    "LAMBDA_TASK_ROOT": str(ROOT),
                    "_HANDLER": HANDLER,
                    **self._environment,
                },
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        assert self._ready.wait(60), self.log.read_text()

    def begin(self, event: Mapping[str, Any], *, seconds: float = 60) -> _Call:
        """Hand over an event; `wait` returns its answer."""
        body = json.dumps(event).encode()
        assert len(body) <= LARGEST
        call = _Call(body, time.time() + seconds)
        self._calls.put(call)
        return call

    def wait(self, call: _Call) -> Any:
        """The answer. Raises FunctionError, Killed."""
        while not call.done.wait(0.05):
            if self.process.poll() is not None:
                raise Killed(self.log.read_text())
        if call.error:
            raise FunctionError(call.error)
        return call.answer

    def invoke(self, event: Mapping[str, Any], *, seconds: float = 60) -> Any:
        return self.wait(self.begin(event, seconds=seconds))

    def kill(self) -> None:
        """As when Lambda's machine fails."""
        self.process.kill()
        self.process.wait()

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(30)
        self._server.shutdown()
        self._server.server_close()

    # ── the API ───────────────────────────────────────────────────────────────────────────────────

    def _give_next(self, request: BaseHTTPRequestHandler) -> None:
        self._ready.set()
        while True:
            try:
                call = self._calls.get(timeout=0.5)
                break
            except queue.Empty:
                if self.process.poll() is not None:
                    return
        self._current[call.request_id] = call
        headers = {
            "Lambda-Runtime-Aws-Request-Id": call.request_id,
            "Lambda-Runtime-Deadline-Ms": str(int(call.deadline * 1000)),
            "Lambda-Runtime-Invoked-Function-Arn": "arn:aws:lambda:us-east-1:123456789012:function:escriba",
            "Lambda-Runtime-Trace-Id": TRACE,
        }
        _answer(request, 200, call.event, headers)

    def _take_answer(self, request: BaseHTTPRequestHandler) -> None:
        body = _body(request)
        parts = request.path.split("/")
        if parts[-1] == "error" and "init" in parts:
            self._ready.set()
        elif (call := self._current.pop(parts[-2], None)) is not None:
            if len(body) > LARGEST:
                call.error = {"errorType": "Function.ResponseSizeTooLarge"}
            elif parts[-1] == "error":
                call.error = json.loads(body)
            else:
                call.answer = json.loads(body)
            call.done.set()
        _answer(request, 202, b'{"status":"OK"}', {})


def _body(request: BaseHTTPRequestHandler) -> bytes:
    if request.headers.get("Transfer-Encoding", "").lower() != "chunked":
        return request.rfile.read(int(request.headers.get("Content-Length", 0)))
    body = b""
    while size := int(request.rfile.readline(), 16):
        body += request.rfile.read(size)
        request.rfile.readline()
    request.rfile.readline()
    return body


def _answer(request: BaseHTTPRequestHandler, status: int, body: bytes, headers: Mapping[str, str]) -> None:
    request.send_response(status)
    all_headers = {**headers, "Content-Type": "application/json", "Content-Length": str(len(body))}
    for name, value in all_headers.items():
        request.send_header(name, value)
    request.end_headers()
    request.wfile.write(body)
