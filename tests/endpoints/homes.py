"""The two homes of every endpoint: the container over a socket, and handlers called with Lambda events."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import httpx

from functions import health, openai_audio, transcribe
from tests.server import Server

HANDLERS: dict[str, Any] = {
    "/health": health.handler,
    "/transcribe": transcribe.handler,
    "/v1/models": openai_audio.handler,
    **dict.fromkeys(openai_audio.UPLOADS, openai_audio.handler),
}

# What differs between two answers to the same question: ids, clocks, and what took how long.
_VOLATILE = {"requestId", "uptimeSeconds", "processing", "inHand"}
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


@dataclass
class Homes:
    """Asks both homes the same and compares; the container's answer is given back."""

    server: Server
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


def through_lambda(request: httpx.Request) -> Answer:
    """The same request as API Gateway hands it on (payload format 2.0)."""
    answer = HANDLERS[urlsplit(str(request.url)).path](event_of(request), None)
    body = answer["body"]
    raw = base64.b64decode(body) if answer.get("isBase64Encoded") else body.encode()
    return Answer(answer["statusCode"], answer["headers"], raw)


def event_of(request: httpx.Request) -> dict[str, Any]:
    parts = urlsplit(str(request.url))
    path = {"method": request.method, "path": parts.path, "protocol": "HTTP/1.1", "sourceIp": "203.0.113.7"}
    return {
        "version": "2.0",
        "routeKey": f"{request.method} {parts.path}",
        "rawPath": parts.path,
        "rawQueryString": parts.query,
        "headers": dict(request.headers),
        "requestContext": {
            "accountId": "123456789012",
            "apiId": "abc",
            "domainName": "abc.execute-api.us-east-1.amazonaws.com",
            "domainPrefix": "abc",
            "http": {**path, "userAgent": "tests"},
            "requestId": "JKJaXmPLvHcESHA=",
            "routeKey": f"{request.method} {parts.path}",
            "stage": "$default",
            "time": "12/Mar/2020:19:03:58 +0000",
            "timeEpoch": 1583348638390,
        },
        "body": base64.b64encode(request.content).decode(),
        "isBase64Encoded": True,
    }
