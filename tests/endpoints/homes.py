"""The two homes of every endpoint: the container over a socket, and handlers called with Lambda events."""

from __future__ import annotations

import base64
import json
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from typing import Any
from urllib.parse import urlsplit

import httpx

from functions import run_job
from tests.recorded import http_event, sqs_event
from tests.server import Server
from tests.stack import QueueReader
from tests.template import module_of, resources


@cache
def _routes() -> list[tuple[str, re.Pattern[str], str]]:
    """Method, paths and module, as template.yaml routes them."""
    return [
        (event["Properties"]["Method"], _matching(event["Properties"]["Path"]), module_of(function))
        for function in resources("AWS::Serverless::Function").values()
        for event in function.get("Events", {}).values()
        if event["Type"] == "HttpApi" and "Path" in event["Properties"]
    ]


def _matching(path: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\{\w+\+\}", ".+", re.sub(r"\{\w+\}", "[^/]+", path)))


def handler_of(method: str, path: str) -> Any:
    """What is routed nowhere is health's."""
    found = [name for verb, pattern, name in _routes() if verb == method and pattern.fullmatch(path)]
    module = found[0] if found else "health"
    return import_module(f"functions.{module}").handler


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
    queue: QueueReader
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
    handler = handler_of(request.method, urlsplit(str(request.url)).path)
    answer = handler(http_event(request, host=request.url.netloc), Context())
    body = answer["body"]
    raw = base64.b64decode(body) if answer.get("isBase64Encoded") else body.encode()
    return Answer(answer["statusCode"], answer["headers"], raw)
