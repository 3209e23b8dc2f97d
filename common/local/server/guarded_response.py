"""The answer to a request whose body may not have been read: ours where the body failed, and readable."""

from __future__ import annotations

import uuid
from typing import Any

from common.errors import EscribaError
from common.http.error_response import failure
from common.local.server.request_body import RequestBody
from common.log import log


class GuardedResponse:
    """ASGI's `send`: lets the app's answer pass, unless the body failed and the app speaks of something else.

    An answer that comes before the whole body closes the connection, and its end is held back until
    `finish`: a socket closed with unread bytes is reset, and the client may never see the answer.
    """

    def __init__(self, scope: Any, body: RequestBody, send: Any, *, accept_language: str) -> None:
        self.has_started = False
        self.is_held = False
        self._scope = scope
        self._accept_language = accept_language
        self._body = body
        self._send = send
        self._is_dropped = False

    async def send(self, message: Any) -> None:
        if message["type"] == "http.response.start":
            failed = self._body.failure
            self._is_dropped = bool(failed and failed.status != message["status"])
            if not self._is_dropped:
                await self._start(message)
        elif not self._is_dropped:
            await self._go_on(message)

    async def refuse(self, error: EscribaError) -> None:
        request_id = self._scope.get("state", {}).get("request_id") or uuid.uuid4().hex
        log("request.refused", requestId=request_id, code=error.code, status=error.status)
        status, headers, body = failure(error, accept_language=self._accept_language, request_id=request_id)
        self._is_dropped = False
        await self._start({"type": "http.response.start", "status": status, "headers": headers})
        await self._go_on({"type": "http.response.body", "body": body})

    async def finish(self) -> None:
        await self._send({"type": "http.response.body", "body": b""})

    async def _start(self, message: Any) -> None:
        self.has_started = True
        if not self._body.is_complete:
            kept = [header for header in message["headers"] if header[0].lower() != b"connection"]
            message = {**message, "headers": [*kept, (b"connection", b"close")]}
        await self._send(message)

    async def _go_on(self, message: Any) -> None:
        if message["type"] == "http.response.body" and not message.get("more_body"):
            self.is_held = not (self._body.is_complete or self._body.is_gone)
            message = {**message, "more_body": self.is_held}
        await self._send(message)
