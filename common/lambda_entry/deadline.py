"""An ASGI app that answers before Lambda ends the call: where the answer is not ready, with `answer_late`."""

from __future__ import annotations

import asyncio
from typing import Any

from common.errors import AnswerLate, EscribaError
from common.http.error_response import Headers, failure

# What it takes to clean up after a call that is cut off, and to send its answer.
_RESERVED_SECONDS = 2.0

# Where the SDKs of OpenAI and Groq call, and expect errors in OpenAI's shape.
_OPENAI = ("/v1/", "/openai/")


class DeadlineGuard:
    """Holds the answer back until it is complete, as Lambda does, so that an error can still replace it."""

    def __init__(self, app: Any) -> None:
        self._app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        messages: list[Any] = []

        async def hold_back(message: Any) -> None:
            messages.append(message)

        left = scope["aws.context"].get_remaining_time_in_millis() / 1000
        limit = asyncio.timeout(left - _RESERVED_SECONDS)
        try:
            async with limit:
                await self._app(scope, receive, hold_back)
        except TimeoutError:
            if not limit.expired():
                raise
            messages = _late_messages(scope)
        for message in messages:
            await send(message)


def _late_messages(scope: Any) -> list[Any]:
    request_headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
    status, headers, body = error_answer(AnswerLate(), path=scope["path"], request_headers=request_headers)
    return [
        {"type": "http.response.start", "status": status, "headers": headers},
        {"type": "http.response.body", "body": body},
    ]


def error_answer(
    error: EscribaError, *, path: str, request_headers: dict[str, str]
) -> tuple[int, Headers, bytes]:
    """The answer to a request that reached no router, in the shape that its router gives errors."""
    request = {
        "accept_language": request_headers.get("accept-language", ""),
        "request_id": request_headers.get("x-request-id", ""),
    }
    if path.startswith(_OPENAI):
        from common.openai.errors import refusal

        return refusal(error, **request)
    return failure(error, **request)
