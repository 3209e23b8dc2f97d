"""Both deployment targets of an endpoint: the container over a socket, handlers with events of Lambda."""

from __future__ import annotations

import base64
import json
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
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
        (event["Properties"]["Method"], _path_pattern(event["Properties"]["Path"]), module_of(function))
        for function in resources("AWS::Serverless::Function").values()
        for event in function.get("Events", {}).values()
        if event["Type"] == "HttpApi" and "Path" in event["Properties"]
    ]


def _path_pattern(path: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\{\w+\+\}", ".+", re.sub(r"\{\w+\}", "[^/]+", path)))


def handler_of(method: str, path: str) -> Any:
    """The handler of the function that API Gateway calls; it calls `health` where no route matches."""
    names = [name for verb, pattern, name in _routes() if verb == method and pattern.fullmatch(path)]
    module = names[0] if names else "health"
    return import_module(f"functions.{module}").handler


# Fields that differ between two answers to the same request: ids, clocks and durations.
_VOLATILE = {"requestId", "uptimeSeconds", "processing", "inHand", "upload", "seq", "x_groq"} | {
    f"{what}At" for what in ("created", "starts", "started", "updated", "completed", "expires", "erased")
}
_COMPARED_HEADERS = (
    "content-type",
    "content-language",
    "content-disposition",
    "retry-after",
    "vary",
    "cache-control",
    "allow",
    "x-should-retry",
    "x-escriba-ignored",
    "x-escriba-cache",
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

    def comparable(self) -> Any:
        headers = {name: self.headers[name] for name in _COMPARED_HEADERS if name in self.headers}
        is_json = self.body and self.headers["content-type"] == "application/json"
        return self.status, headers, _without_volatile(self.json()) if is_json else self.body


def _without_volatile(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_volatile(inner) for name, inner in value.items() if name not in _VOLATILE}
    return [_without_volatile(inner) for inner in value] if isinstance(value, list) else value


class Context:
    """Lambda's context of one call."""

    def __init__(self) -> None:
        self.aws_request_id = str(uuid.uuid4())

    def get_remaining_time_in_millis(self) -> int:
        return 100_000


@dataclass
class Targets:
    """Sends each request to both targets and compares the answers; returns the container's."""

    server: Server
    queue: QueueReader

    def __call__(self, method: str, path: str, *, compare: bool = True, **arguments: Any) -> Answer:
        request = httpx.Request(method, self.server.url + path, **arguments)
        request.read()
        with httpx.Client(timeout=120) as client:
            answer = client.send(request)
        ours = Answer(answer.status_code, answer.headers, answer.content)
        if compare:
            other = through_lambda(request).comparable()
            assert other == ours.comparable(), (other, ours.comparable())
        return ours

    def finish(self, job_id: str) -> str:
        """Let the workers of both targets end a job; its final status."""
        while bodies := self.queue.bodies():
            assert run_job.handler(sqs_event(*bodies), Context()) == {"batchItemFailures": []}
        while True:
            job = httpx.get(f"{self.server.url}/job/{job_id}?wait=20", timeout=60).json()
            if job["status"] in {"completed", "failed", "cancelled"}:
                return str(job["status"])


def through_lambda(request: httpx.Request) -> Answer:
    """The same request as an event of API Gateway (payload format 2.0)."""
    handler = handler_of(request.method, urlsplit(str(request.url)).path)
    answer = handler(http_event(request, host=request.url.netloc), Context())
    body = answer["body"]
    raw = base64.b64decode(body) if answer.get("isBase64Encoded") else body.encode()
    return Answer(answer["statusCode"], answer["headers"], raw)
