"""A watched job as an event stream, by the rules that browsers' EventSource follows."""

from __future__ import annotations

import random
from contextlib import AbstractAsyncContextManager, aclosing
from typing import Any

from starlette.responses import Response

from common.errors import EscribaError
from common.http.sse import COMMENT, EventWriter, encode_event, encode_retry, send_while_allowed
from common.jobs.messages import PING, Message
from common.jobs.watch import Watch
from common.log import log

# Milliseconds after which a browser connects again where a connection breaks.
_RETRY = 2000
# … and where this instance stops: another may be there already. Spread, so that not all come at once.
_RETRY_AFTER_STOP = (200, 1500)


class JobEvents(Response):
    """Sends what `watching` yields until the job ends, or 204 when there is nothing to send.

    204 keeps an EventSource from connecting again. What entering `watching` raises is raised here. The stream
    also ends when the caller's key or token does, which `holding` tells; the client then connects again, to
    learn that.
    """

    def __init__(
        self, watching: AbstractAsyncContextManager[Watch], holding: AbstractAsyncContextManager[None]
    ) -> None:
        super().__init__(status_code=204)
        self._watching = watching
        self._holding = holding

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        async with self._watching as watch:
            if watch.is_over:
                await super().__call__(scope, receive, send)
            else:
                await send_while_allowed(
                    self._holding, EventWriter(send), lambda writer: _send_messages(watch, writer), receive
                )


async def _send_messages(watch: Watch, writer: EventWriter) -> None:
    try:
        await writer.write(encode_retry(_RETRY))
        async with aclosing(watch.messages()) as messages:
            async for message in messages:
                await writer.write(_encode(message))
        if not watch.is_over:
            await writer.write(encode_retry(random.randint(*_RETRY_AFTER_STOP)))  # noqa: S311
        await writer.end()
    except EscribaError as exc:  # the client connects again, with the last id that it got
        log("watch.cut", level="WARNING", reason=type(exc).__name__)


def _encode(message: Message) -> bytes:
    return COMMENT if message is PING else encode_event(message.json, event_id=message.seq)
