"""Server-sent events, as every event stream of this server is written.

https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any

from common.errors import AccessRefused
from common.http.disconnect import Receive, run_until_left, sending
from common.log import log

_HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),  # nginx would hold events back
]

# Proxies close a connection on which nothing is sent; clients skip comments.
COMMENT = b":\n\n"


def encode_event(data: str, *, event_id: int | None = None) -> bytes:
    """One event without a name, so that `onmessage` gets it; `data` is one line."""
    line = f"data: {data}\n\n"
    return (line if event_id is None else f"id: {event_id}\n{line}").encode()


def encode_retry(milliseconds: int) -> bytes:
    """After how long a client connects again once this stream ends without the end of what it shows."""
    return b"retry: %d\n\n" % milliseconds


class EventWriter:
    """Writes one event stream to ASGI's `send`; the response starts with the first block.

    A stream that is not ended with `end` is cut, and browsers connect again.
    """

    def __init__(self, send: Any, headers: Sequence[tuple[bytes, bytes]] = ()) -> None:
        self.has_started = False
        self._send = send
        self._headers = [*_HEADERS, *headers]

    async def write(self, block: bytes) -> None:
        """Send an event or a comment. Raises ClientLeft."""
        if not self.has_started:
            self.has_started = True
            await self._send({"type": "http.response.start", "status": 200, "headers": self._headers})
        async with sending():
            await self._send({"type": "http.response.body", "body": block, "more_body": True})

    async def end(self) -> None:
        await self._send({"type": "http.response.body", "body": b"", "more_body": False})


async def send_while_allowed(
    holding: AbstractAsyncContextManager[None],
    writer: EventWriter,
    send_events: Callable[[EventWriter], Coroutine[Any, Any, None]],
    receive: Receive,
) -> None:
    """Send events until they end, the client leaves, or `holding` raises that its key or token has ended."""
    try:
        async with holding:
            await run_until_left(send_events(writer), receive)
    except AccessRefused as exc:
        log("watch.ended", reason=exc.code)
        if not writer.has_started:
            raise
        await writer.end()
