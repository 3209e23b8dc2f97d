"""The response to a request whose body failed or was not read: it says why, and reaches the client."""

from __future__ import annotations

import uuid
from typing import Any

from common.errors import EscribaError
from common.http.error_response import failure
from common.local.server.request_body import RequestBody
from common.log import log


class GuardedResponse:
    """Wraps ASGI's `send`: passes the app's response on, unless the body failed and its status is another.

    A response that starts before the whole body was read closes the connection, and its end waits for
    `finish`: a socket closed with unread bytes is reset, and the client might never see the response.
    """

    def __init__(self, scope: Any, body: RequestBody, send: Any, *, accept_language: str) -> None:
        self.has_started = False
        self.needs_finish = False
        self._scope = scope
        self._accept_language = accept_language
        self._body = body
        self._send = send
        self._is_dropped = False

    async def send(self, message: Any) -> None:
        if message["type"] == "http.response.start":
            cause = self._body.failure
            self._is_dropped = bool(cause and cause.status != message["status"])
            if not self._is_dropped:
                await self._send_start(message)
        elif not self._is_dropped:
            await self._send_body(message)

    async def refuse(self, error: EscribaError) -> None:
        """Send `error` instead of the app's response."""
        request_id = self._scope.get("state", {}).get("request_id") or uuid.uuid4().hex
        log("request.refused", requestId=request_id, code=error.code, status=error.status)
        status, headers, body = failure(error, accept_language=self._accept_language, request_id=request_id)
        self._is_dropped = False
        await self._send_start({"type": "http.response.start", "status": status, "headers": headers})
        await self._send_body({"type": "http.response.body", "body": body})

    async def finish(self) -> None:
        await self._send({"type": "http.response.body", "body": b""})

    async def _send_start(self, message: Any) -> None:
        self.has_started = True
        if not self._body.is_complete:
            headers = [header for header in message["headers"] if header[0].lower() != b"connection"]
            message = {**message, "headers": [*headers, (b"connection", b"close")]}
        await self._send(message)

    async def _send_body(self, message: Any) -> None:
        if message["type"] == "http.response.body" and not message.get("more_body"):
            self.needs_finish = not (self._body.is_complete or self._body.has_client_left)
            message = {**message, "more_body": self.needs_finish}
        await self._send(message)
