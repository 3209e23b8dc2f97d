"""Around every request: an id, one log event, and a response even after an unexpected exception."""

from __future__ import annotations

import re
import time
import uuid
from typing import Any

from common.access.rates import Rate
from common.errors import EscribaError
from common.http.error_response import NO_SNIFFING, failure
from common.http.rate_headers import rate_headers
from common.log import log

Scope = Any  # ASGI's own types are plain dictionaries and callables

_SAFE_ID = re.compile(r"[A-Za-z0-9_-]{8,64}")


class RequestLog:
    """ASGI middleware, outermost: sets `scope["state"]["request_id"]` and logs the status of the response.

    A client's own `X-Request-Id` is kept if it cannot forge a log line. `/health` is not logged: platforms
    request it every few seconds.
    """

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request_id = _request_id(scope)
        scope.setdefault("state", {})["request_id"] = request_id
        response: dict[str, int] = {}
        started_at = time.perf_counter()

        async def send_with_id(message: Any) -> None:
            if message["type"] == "http.response.start":
                response["status"] = message["status"]
                rate: Rate | None = scope["state"].get("rate")
                rates = rate_headers(rate, scope["path"]) if rate else []
                _add_missing(message, (b"x-request-id", request_id.encode()), NO_SNIFFING, *rates)
            await send(message)

        try:
            await self.app(scope, receive, send_with_id)
        except Exception as exc:  # the border: any other exception becomes a 500
            log("request.broke", level="ERROR", requestId=request_id, exc_info=exc)
            if "status" in response:
                raise
            await _send_500(scope, send_with_id, request_id)
        finally:
            if scope["path"] != "/health":
                log(
                    "request",
                    method=scope["method"],
                    route=getattr(scope.get("route"), "path", None),
                    status=response.get("status"),
                    seconds=round(time.perf_counter() - started_at, 4),
                    requestId=request_id,
                    **({"cache": cache} if (cache := scope["state"].get("cache")) else {}),
                )


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
