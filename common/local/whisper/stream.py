"""The embedded engine's answer as a stream: an event for each segment, then the whole answer.

It starts with the first segment; until then a failure has a status of its own, and silence is answered as
without a stream. The events have OpenAI's names (`stream=true`); Groq has none.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from common.local.whisper.disconnect import run_while_connected
from common.local.whisper.groq_api import ApiError, done_event, segment_event
from common.local.whisper.recognition import RecognisedSegment, RecognitionResult

MEDIA_TYPE = "text/event-stream"

Recognise = Callable[[Callable[[RecognisedSegment], None]], Awaitable[RecognitionResult]]
Body = Callable[[RecognitionResult], Mapping[str, Any]]


def accepts_events(request: Request) -> bool:
    return MEDIA_TYPE in request.headers.get("accept", "")


async def respond_with_events(request: Request, recognise: Recognise, body: Body) -> Response:
    """The response once there is a segment. Raises what `recognise` raises before, or ClientDisconnect."""
    stream = _SegmentStream(recognise)
    try:
        result = await run_while_connected(request.receive, stream.start())
    except BaseException:
        await stream.aclose()
        raise
    return _EventResponse(stream, body) if result is None else JSONResponse(body(result))


class _EventResponse(Response):
    media_type = MEDIA_TYPE

    def __init__(self, stream: _SegmentStream, body: Body) -> None:
        super().__init__()
        del self.headers["content-length"]
        self._stream, self._body = stream, body

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        try:
            with suppress(ClientDisconnect):
                await run_while_connected(receive, self._send_events(send))
        finally:
            await self._stream.aclose()

    async def _send_events(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        try:
            async for event in self._stream.events(self._body):
                await send({"type": "http.response.body", "body": event, "more_body": True})
        except Exception:
            logging.getLogger(__name__).exception("the recognition failed midway")
            error = _encode(ApiError(500, "Internal Server Error").body)
            await send({"type": "http.response.body", "body": error, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})


class _SegmentStream:
    """Runs `recognise`; `start` waits for its first segment, `events` has all, `aclose` ends it midway."""

    def __init__(self, recognise: Recognise) -> None:
        self._segments: asyncio.Queue[RecognisedSegment | None] = asyncio.Queue()
        self._work = asyncio.ensure_future(recognise(self._segments.put_nowait))
        self._work.add_done_callback(lambda _: self._segments.put_nowait(None))
        self._first: RecognisedSegment | None = None

    async def start(self) -> RecognitionResult | None:
        """The result where there is no segment, else None. Raises what `recognise` raises before that."""
        self._first = await self._segments.get()
        return self._work.result() if self._first is None else None

    async def events(self, body: Body) -> AsyncIterator[bytes]:
        """The first segment and all after it, then what `body` makes of the result."""
        segment = self._first
        while segment is not None:
            yield _encode(segment_event(segment))
            segment = await self._segments.get()
        yield _encode(done_event(body(self._work.result())))

    async def aclose(self) -> None:
        self._work.cancel()
        with suppress(asyncio.CancelledError, Exception):
            await self._work


def _encode(event: Mapping[str, Any]) -> bytes:
    return f"data: {json.dumps(event, ensure_ascii=False)}\n\n".encode()
