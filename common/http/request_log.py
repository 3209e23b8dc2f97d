"""Around every request: an id, one log event, and an answer even when something unforeseen breaks."""

from __future__ import annotations

import re
import time
import uuid
from typing import Any

from common.errors import EscribaError
from common.http.error_response import failure
from common.log import log

Scope = Any  # ASGI's own types are plain dictionaries and callables

_SAFE_ID = re.compile(r"[A-Za-z0-9_-]{8,64}")


class RequestLog:
    """ASGI middleware, outermost: gives `scope["state"]["request_id"]` and logs what was answered.

    A caller's own `X-Request-Id` is kept where it cannot forge a log line. `/health` is not logged: it is
    asked every few seconds and tells nothing.
    """

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request_id = _request_id(scope)
        scope.setdefault("state", {})["request_id"] = request_id
        answered: dict[str, int] = {}
        began = time.perf_counter()

        async def named_send(message: Any) -> None:
            if message["type"] == "http.response.start":
                answered["status"] = message["status"]
                if not any(name == b"x-request-id" for name, _ in message["headers"]):
                    message["headers"] = [*message["headers"], (b"x-request-id", request_id.encode())]
            await send(message)

        try:
            await self.app(scope, receive, named_send)
        except Exception as exc:  # the border: whatever flew here unforeseen becomes a 500
            log("request.broke", level="ERROR", requestId=request_id, exc_info=exc)
            if "status" in answered:
                raise
            await _answer_500(scope, named_send, request_id)
        finally:
            if scope["path"] != "/health":
                log(
                    "request",
                    method=scope["method"],
                    route=getattr(scope.get("route"), "path", None),
                    status=answered.get("status"),
                    seconds=round(time.perf_counter() - began, 4),
                    requestId=request_id,
                )


def _request_id(scope: Scope) -> str:
    for name, value in scope["headers"]:
        if name == b"x-request-id" and _SAFE_ID.fullmatch(value.decode("latin-1")):
            return str(value.decode())
    return uuid.uuid4().hex


async def _answer_500(scope: Scope, send: Any, request_id: str) -> None:
    accept = dict(scope["headers"]).get(b"accept-language", b"").decode("latin-1")
    status, headers, body = failure(EscribaError(), accept_language=accept, request_id=request_id)
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
