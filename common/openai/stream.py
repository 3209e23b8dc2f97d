"""A transcription as OpenAI streams it: text as it settles, `transcript.text.delta` … `.done`.

The answer begins with its first text, so that what goes wrong before has a status of its own and the SDKs
raise their own class for it; for those who hear long, it begins after a while with a comment.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AbstractContextManager, aclosing
from typing import Any

from starlette.responses import Response

from common.errors import EscribaError, RetryLater
from common.http.disconnect import until_left
from common.log import log
from common.openai.errors import error_body

Tell = Callable[[str], None]
Refuse = Callable[[EscribaError | RetryLater], Response]

# Proxies cut off what stays silent; the SDKs read past comments.
_HEARTBEAT = 15.0  # seconds
_COMMENT = b":\n\n"
_STUCK = 10.0  # seconds that one block may wait for a reader who does not read

_HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),  # nginx would hold events back
]


class SpokenText(Response):
    """Does `work` while the client stays: it tells each new text and answers with the whole of it.

    `held` is given back at the end, whatever happens. `refuse` makes the answer to a failure before the
    first text; a later one is told in the stream, as OpenAI does.
    """

    def __init__(
        self,
        work: Callable[[Tell], Awaitable[str]],
        *,
        held: AbstractContextManager[Any],
        refuse: Refuse,
        heartbeat: float = _HEARTBEAT,
    ) -> None:
        super().__init__()
        self._work = work
        self._held = held
        self._refuse = refuse
        self._heartbeat = heartbeat

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        with self._held:
            await until_left(self._answer(scope, receive, send), receive)

    async def _answer(self, scope: Any, receive: Any, send: Any) -> None:
        begun = False
        try:
            async with aclosing(self._blocks()) as blocks:
                async for block in blocks:
                    if not begun:
                        begun = True
                        await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
                    await _send(send, block)
        except (EscribaError, RetryLater) as failure:
            if not begun:
                await self._refuse(failure)(scope, receive, send)
                return
            language = dict(scope["headers"]).get(b"accept-language", b"").decode("latin-1")
            await _send(send, _event(error_body(failure, accept_language=language)))
        except TimeoutError:
            log("stream.cut", level="WARNING")
            return  # without the end of the body, the connection is cut
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _blocks(self) -> AsyncGenerator[bytes, None]:
        """Each text as it comes, a comment where none comes for long, the whole at the end."""
        told: asyncio.Queue[str | None] = asyncio.Queue()
        working = asyncio.ensure_future(self._work(told.put_nowait))
        working.add_done_callback(lambda _: told.put_nowait(None))
        try:
            while (text := await self._next(told)) is not None:
                yield _event({"type": "transcript.text.delta", "delta": text}) if text else _COMMENT
            yield _event({"type": "transcript.text.done", "text": working.result()})
        finally:
            working.cancel()
            await asyncio.gather(working, return_exceptions=True)

    async def _next(self, told: asyncio.Queue[str | None]) -> str | None:
        """The next text; nothing when none came for a while, None after the last."""
        try:
            async with asyncio.timeout(self._heartbeat):
                return await told.get()
        except TimeoutError:
            return ""


async def _send(send: Any, block: bytes) -> None:
    async with asyncio.timeout(_STUCK):
        await send({"type": "http.response.body", "body": block, "more_body": True})


def _event(value: dict[str, Any]) -> bytes:
    return f"data: {json.dumps(value, ensure_ascii=False, separators=(',', ':'))}\n\n".encode()
