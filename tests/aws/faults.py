"""Servers that fail: a throttled DynamoDB table, and a Convex deployment that may have another key."""

from __future__ import annotations

import json
import random
import threading
from contextlib import closing
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

_THROTTLED = (
    b'{"__type":"com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException",'
    b'"message":"The level of configured provisioned throughput for the table was exceeded."}'
)


class Throttled:
    """Refuses `share` of all calls; `refused` counts them."""

    def __init__(self, port: int, *, share: float, seed: int) -> None:
        self.refused = 0
        chance = random.Random(seed)
        proxy = self

        class Api(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                if chance.random() < share:
                    proxy.refused += 1
                    self._answer(400, _THROTTLED)
                    return
                with closing(HTTPConnection("127.0.0.1", port, timeout=60)) as connection:
                    connection.request("POST", self.path, body, dict(self.headers))
                    response = connection.getresponse()
                    status, answer = response.status, response.read()
                self._answer(status, answer)

            def _answer(self, status: int, body: bytes) -> None:
                self.send_response(status)
                self.send_header("Content-Type", "application/x-amz-json-1.0")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

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
        self._server.shutdown()
        self._server.server_close()


class Page:
    """A Convex deployment's side: one row a job, a snapshot applied only over an older one."""

    def __init__(self, key: str) -> None:
        self.rows: dict[str, dict[str, Any]] = {}
        page, lock = self, threading.Lock()

        class Api(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                snapshot = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                is_known = self.headers["Authorization"] == f"Bearer {key}"
                with lock:
                    outcome = page._apply(snapshot) if is_known else "refused"
                body = json.dumps({"ok": is_known, "outcome": outcome}).encode()
                self.send_response(200 if is_known else 401)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Requests are not logged."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Api)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def _apply(self, snapshot: dict[str, Any]) -> str:
        job_id, seq = str(snapshot["jobId"]), int(str(snapshot["seq"]))
        if seq <= int(str(self.rows.get(job_id, {}).get("seq", 0))):
            return "stale"
        self.rows[job_id] = snapshot
        return "applied"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
