"""A watch as server-sent events, by the rules that browsers' EventSource follows.

https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

from __future__ import annotations

import asyncio
from contextlib import AbstractAsyncContextManager, aclosing
from typing import Any

from starlette.responses import Response

from common.errors import EscribaError
from common.http.disconnect import until_left
from common.jobs.messages import PING, Message
from common.jobs.watch import Watch
from common.log import log

# Seconds that one message may wait for a reader who does not read; it comes back with its last id.
_STUCK = 10.0

_HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),  # nginx would hold events back
]
_RETRY = b"retry: 2000\n\n"
_HEARTBEAT = b":\n\n"


class EventStream(Response):
    """Tells `watching` from its beginning to the job's end, and 204 where there is nothing more to tell.

    204 is what keeps an EventSource from coming back. What entering `watching` raises, flies.
    """

    def __init__(self, watching: AbstractAsyncContextManager[Watch]) -> None:
        super().__init__(status_code=204)
        self._watching = watching

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        async with self._watching as watch:
            if watch.is_over:
                await super().__call__(scope, receive, send)
                return
            await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
            await until_left(_tell(watch, send), receive)


async def _tell(watch: Watch, send: Any) -> None:
    try:
        await _send(send, _RETRY)
        async with aclosing(watch.messages()) as messages:
            async for message in messages:
                await _send(send, encoded(message))
        await send({"type": "http.response.body", "body": b"", "more_body": False})
    except (TimeoutError, EscribaError) as exc:
        # Without the end of the body the connection is cut, and the reader comes back with its last id.
        log("watch.cut", level="WARNING", reason=type(exc).__name__)


async def _send(send: Any, block: bytes) -> None:
    async with asyncio.timeout(_STUCK):
        await send({"type": "http.response.body", "body": block, "more_body": True})


def encoded(message: Message) -> bytes:
    """One event; without a name, so that `onmessage` hears it, and with `seq` as its id."""
    if message is PING:
        return _HEARTBEAT
    return f"id: {message.seq}\ndata: {message.json}\n\n".encode()
