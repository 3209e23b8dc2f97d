"""Around every request: an id, one log event, and a response even after an unexpected exception."""

from __future__ import annotations

import re
import time
import uuid
from typing import Any

from common.access.caller import Caller
from common.access.rates import Rate
from common.admin.usage import client_of, failure_name, latency_name
from common.errors import EscribaError
from common.http.error_response import NO_SNIFFING, failure
from common.http.rate_headers import rate_headers
from common.log import log
from common.services import Services

Scope = Any  # ASGI's own types are plain dictionaries and callables

_MONITORS = frozenset({"/health", "/metrics"})

_SAFE_ID = re.compile(r"[A-Za-z0-9_-]{8,64}")


class RequestLog:
    """ASGI middleware, outermost: sets `scope["state"]["request_id"]` and logs the status of the response.

    A client's own `X-Request-Id` is kept if it cannot forge a log line. `/health` and `/metrics` are not
    logged: monitors request them every few seconds.
    """

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request_id = _request_id(scope)
        scope.setdefault("state", {})["request_id"] = request_id
        answer = _Answer()

        async def send_with_id(message: Any) -> None:
            if message["type"] == "http.response.start":
                answer.start(message["status"])
                rate: Rate | None = scope["state"].get("rate")
                rates = rate_headers(rate, scope["path"]) if rate else []
                _add_missing(message, (b"x-request-id", request_id.encode()), NO_SNIFFING, *rates)
            await send(message)

        try:
            await self.app(scope, receive, send_with_id)
        except Exception as exc:  # the border: any other exception becomes a 500
            log("request.broke", level="ERROR", requestId=request_id, exc_info=exc)
            if answer.status is not None:
                raise
            await _send_500(scope, send_with_id, request_id)
        finally:
            _count(scope, answer)
            if scope["path"] not in _MONITORS:
                _log(scope, answer)


class _Answer:
    """When the request came, what the answer's status is, and how many seconds passed until it began."""

    def __init__(self) -> None:
        self._came_at = time.perf_counter()
        self._began_after: float | None = None
        self.status: int | None = None

    @property
    def age(self) -> float:
        return time.perf_counter() - self._came_at

    @property
    def wait(self) -> float:
        """A stream of events lasts for hours: how long it takes is not how long its client waited."""
        return self.age if self._began_after is None else self._began_after

    def start(self, status: int) -> None:
        self.status = status
        self._began_after = self.age


def _count(scope: Scope, answer: _Answer) -> None:
    """For metrics, and for the usage of the caller's key; what monitors ask is nobody's usage."""
    services: Services | None = getattr(scope["app"].state, "services", None)
    if services is None:
        return
    state = scope["state"]
    code = state.get("error_code")
    services.counters.count_request(scope["method"], _route_of(scope), answer.status, answer.wait, code=code)
    if scope["path"] not in _MONITORS:
        caller: Caller | None = state.get("caller")
        client, now = client_of(caller.owner if caller else None), services.now()
        services.admin.usage.add(now, client, "requests")
        services.admin.usage.add(now, client, latency_name(answer.wait))
        if code:
            services.admin.usage.add(now, client, failure_name(code))


def _log(scope: Scope, answer: _Answer) -> None:
    state = scope["state"]
    log(
        "request",
        method=scope["method"],
        route=_route_of(scope),
        status=answer.status,
        seconds=round(answer.age, 4),
        requestId=state["request_id"],
        **({"cache": cache} if (cache := state.get("cache")) else {}),
    )


def _route_of(scope: Scope) -> str | None:
    """The template of the address, which no client can invent."""
    return getattr(scope.get("route"), "path", None)


def _add_missing(message: Any, *headers: tuple[bytes, bytes]) -> None:
    names = {name for name, _ in message["headers"]}
    message["headers"] = [*message["headers"], *(header for header in headers if header[0] not in names)]


def _request_id(scope: Scope) -> str:
    for name, value in scope["headers"]:
        if name == b"x-request-id" and _SAFE_ID.fullmatch(value.decode("latin-1")):
            return str(value.decode())
    return uuid.uuid4().hex


async def _send_500(scope: Scope, send: Any, request_id: str) -> None:
    accept = dict(scope["headers"]).get(b"accept-language", b"").decode("latin-1")
    status, headers, body = failure(EscribaError(), accept_language=accept, request_id=request_id)
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
