"""The AWS services that functions use, as an emulator and stand-ins, and the functions as processes."""

from __future__ import annotations

import json
import tempfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import httpx

from common.aws.clients import Clients
from common.aws.dynamo_jobs import DynamoJobs
from common.aws.table import Table
from tests.emulator import Emulator, emulator
from tests.recorded import http_event
from tests.runtime_api import LambdaProcess
from tests.stack import Names, stack_of
from tests.upstream import KEY, Upstream


class Connections:
    """API Gateway's side of open WebSockets: what was posted to each; 410 for those in `gone`."""

    def __init__(self) -> None:
        self.posted: dict[str, list[Any]] = {}
        self.gone: set[str] = set()
        connections = self

        class Api(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                name = unquote(self.path.rpartition("/")[2])
                if name not in connections.gone:
                    connections.posted.setdefault(name, []).append(json.loads(body))
                self.send_response(410 if name in connections.gone else 200)
                if name in connections.gone:
                    self.send_header("x-amzn-ErrorType", "GoneException")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Requests are not logged."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Api)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/live"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@dataclass
class World:
    emulator: Emulator
    names: Names
    upstream: Upstream
    connections: Connections
    folder: Path
    more: dict[str, str] = field(default_factory=dict)  # settings of every function
    sandboxes: ExitStack = field(default_factory=ExitStack)
    _warm: dict[str, LambdaProcess] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        return {
            **self.emulator.environment,
            "GROQ_API_KEY": KEY,
            "GROQ_BASE_URL": self.upstream.url,
            "JOBS_TABLE": self.names.table,
            "AUDIO_BUCKET": self.names.bucket,
            "QUEUE_URL": self.names.queue,
            "WEBSOCKET_URL": "wss://f6g7h8i9j0.execute-api.us-east-1.amazonaws.com/live",
            "WEBSOCKET_ENDPOINT": self.connections.url,
            "MAX_UPLOAD_MB": "4",
            "CACHE_MB": "0",  # tests send a recording twice, and mean it
            **self.more,
        }

    def sandbox(self, function: str, **more: str) -> LambdaProcess:
        """A new sandbox of `functions/<function>.py`; use it as a context."""
        scratch = tempfile.mkdtemp(dir=self.folder)  # each has a /tmp of its own
        log = Path(f"{scratch}-{function}.log")
        module = f"functions.{function}"
        environment = {**self.environment, "FUNCTION_MODULE": module, "TMPDIR": scratch, **more}
        return LambdaProcess(log, environment)

    def warm_sandbox(self, function: str) -> LambdaProcess:
        """One for all tests of this world: Lambda too calls a sandbox again."""
        if function not in self._warm:
            self._warm[function] = self.sandboxes.enter_context(self.sandbox(function))
        return self._warm[function]

    def empty(self) -> None:
        """No job, no message and no watcher is left for the next test."""
        self.emulator.client("sqs").purge_queue(QueueUrl=self.names.queue)
        database = self.emulator.client("dynamodb")
        for item in database.scan(TableName=self.names.table)["Items"]:
            database.delete_item(TableName=self.names.table, Key={"pk": item["pk"], "sk": item["sk"]})
        self.connections.posted.clear()
        self.connections.gone.clear()

    @property
    def jobs(self) -> DynamoJobs:
        return DynamoJobs(Table(Clients(), self.names.table))

    def messages(self) -> list[dict[str, Any]]:
        """What a worker can receive now; each message is then hidden, as from other workers."""
        sqs = self.emulator.client("sqs")
        messages: list[dict[str, Any]] = []
        while batch := sqs.receive_message(
            QueueUrl=self.names.queue, MaxNumberOfMessages=10, VisibilityTimeout=600
        ).get("Messages"):
            messages += batch
        return messages


@contextmanager
def world_of(upstream: Upstream, folder: Path) -> Iterator[World]:
    with ExitStack() as stack:
        stack.enter_context(emulator().reached())
        names = stack.enter_context(stack_of(emulator()))
        connections = Connections()
        stack.callback(connections.close)
        world = World(emulator(), names, upstream, connections, folder)
        with world.sandboxes:
            yield world


def call(sandbox: LambdaProcess, method: str, path: str, **how: Any) -> tuple[int, Any]:
    """Send a request as an HTTP API's event; the answer's status and JSON."""
    request = httpx.Request(method, f"https://a1b2c3d4e5.execute-api.us-east-1.amazonaws.com{path}", **how)
    answer = sandbox.invoke(http_event(request))
    return answer["statusCode"], json.loads(answer["body"])
