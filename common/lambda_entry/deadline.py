"""An ASGI app whose answer comes before Lambda ends the call, and in our words where it is not ready."""

from __future__ import annotations

import asyncio
from typing import Any

from common.errors import AnswerLate, EscribaError
from common.http.error_response import Headers, failure

# What cleaning up after a call that is cut takes, and sending its answer.
_LAST_SECONDS = 2.0

# Where the SDKs of OpenAI and Groq call, and look for errors in OpenAI's shape.
_OPENAI = ("/v1/", "/openai/")


class InTime:
    """Holds an answer back until it is whole, as Lambda does, so that another can still take its place."""

    def __init__(self, app: Any) -> None:
        self._app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        answer: list[Any] = []

        async def keep(message: Any) -> None:
            answer.append(message)

        left = scope["aws.context"].get_remaining_time_in_millis() / 1000
        limit = asyncio.timeout(left - _LAST_SECONDS)
        try:
            async with limit:
                await self._app(scope, receive, keep)
        except TimeoutError:
            if not limit.expired():
                raise
            answer = _late(scope)
        for message in answer:
            await send(message)


def _late(scope: Any) -> list[Any]:
    asked = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
    status, headers, body = refused(AnswerLate(), path=scope["path"], asked=asked)
    return [
        {"type": "http.response.start", "status": status, "headers": headers},
        {"type": "http.response.body", "body": body},
    ]


def refused(error: EscribaError, *, path: str, asked: dict[str, str]) -> tuple[int, Headers, bytes]:
    """What ends outside the routers, in the shape of what ends there; `asked` are the request's headers."""
    who = {
        "accept_language": asked.get("accept-language", ""),
        "request_id": asked.get("x-request-id", ""),
    }
    if path.startswith(_OPENAI):
        from common.openai.errors import refusal

        return refusal(error, **who)
    return failure(error, **who)
