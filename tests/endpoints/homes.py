"""The two homes of every endpoint: the container over a socket, and handlers called with Lambda events."""

from __future__ import annotations

import base64
import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import httpx

from functions import health, job, openai_audio, run_job, transcribe, transcribe_job
from tests.recorded import http_event, sqs_event
from tests.server import Server
from tests.stack import Received

# As template.yaml routes them; what is nowhere else is health's.
HANDLERS: dict[str, Any] = {
    "/health": health.handler,
    "/transcribe": transcribe.handler,
    "/transcribe-job": transcribe_job.handler,
    "/v1/models": openai_audio.handler,
    **dict.fromkeys(openai_audio.UPLOADS, openai_audio.handler),
}


def handler_of(path: str) -> Any:
    return job.handler if path.startswith("/job/") else HANDLERS.get(path, health.handler)


# What differs between two answers to the same question: ids, clocks, and what took how long.
_VOLATILE = {"requestId", "uptimeSeconds", "processing", "inHand", "upload", "seq"} | {
    f"{what}At" for what in ("created", "started", "updated", "completed", "expires", "erased")
}
_HEADERS = (
    "content-type",
    "content-language",
    "content-disposition",
    "retry-after",
    "vary",
    "cache-control",
    "allow",
    "x-should-retry",
)


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def code(self) -> str:
        """The error's code."""
        return str(self.json()["error"]["code"])

    def compared(self) -> Any:
        told = {name: self.headers[name] for name in _HEADERS if name in self.headers}
        is_json = self.headers["content-type"] == "application/json"
        return self.status, told, _steady(self.json()) if is_json else self.body


def _steady(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _steady(inner) for name, inner in value.items() if name not in _VOLATILE}
    return [_steady(inner) for inner in value] if isinstance(value, list) else value


class Context:
    """What Lambda tells a function of the call."""

    def __init__(self) -> None:
        self.aws_request_id = str(uuid.uuid4())

    def get_remaining_time_in_millis(self) -> int:
        return 100_000


@dataclass
class Homes:
    """Asks both homes the same and compares; the container's answer is given back."""

    server: Server
    queue: Received
    differing: list[str] = field(default_factory=list)

    def __call__(self, method: str, path: str, *, compare: bool = True, **how: Any) -> Answer:
        request = httpx.Request(method, self.server.url + path, **how)
        request.read()
        with httpx.Client(timeout=120) as client:
            answer = client.send(request)
        told = Answer(answer.status_code, answer.headers, answer.content)
        if compare:
            other = through_lambda(request).compared()
            assert other == told.compared(), (other, told.compared())
        return told

    def settle(self, job_id: str) -> str:
        """Let both homes' workers end a job; how it ended."""
        while bodies := self.queue.bodies():
            assert run_job.handler(sqs_event(*bodies), Context()) == {"batchItemFailures": []}
        while True:
            stands = httpx.get(f"{self.server.url}/job/{job_id}?wait=20", timeout=60).json()
            if stands["status"] in {"completed", "failed", "cancelled"}:
                return str(stands["status"])


def through_lambda(request: httpx.Request) -> Answer:
    """The same request as API Gateway hands it on (payload format 2.0)."""
    answer = handler_of(urlsplit(str(request.url)).path)(
        http_event(request, host=request.url.netloc), Context()
    )
    body = answer["body"]
    raw = base64.b64decode(body) if answer.get("isBase64Encoded") else body.encode()
    return Answer(answer["statusCode"], answer["headers"], raw)
