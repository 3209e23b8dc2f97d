"""Work for a client who may leave at any moment: what nobody waits for any more is not done."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, MutableMapping
from typing import Any

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from common.errors import UploadTooSlow

_CLIENT_LEFT = 499  # as nginx has it in its logs; nobody is there to read it

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]


async def body_of(request: Request) -> AsyncIterator[bytes]:
    """The request's body, block by block. Raises UploadTooSlow when the client leaves before its end."""
    try:
        async for block in request.stream():
            yield block
    except ClientDisconnect as exc:
        raise UploadTooSlow from exc


async def until_left(work: Coroutine[Any, Any, None], receive: Receive) -> bool:
    """Do the work to its end, or only until the client goes; what it sends meanwhile is ignored.

    `receive` is ASGI's, after the request's body. True when the work was done; its exception flies.
    """
    working = asyncio.create_task(work)
    leaving = asyncio.create_task(_left(receive))
    try:
        await asyncio.wait((working, leaving), return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            working.result()
        return working.done()
    finally:
        working.cancel()
        leaving.cancel()
        await asyncio.gather(working, leaving, return_exceptions=True)


async def answer_unless_left(work: Coroutine[Any, Any, Response], receive: Receive) -> Response:
    """What the work answers; once the client has gone, an answer that is for the log alone."""
    answers: list[Response] = []

    async def answered() -> None:
        answers.append(await work)

    done = await until_left(answered(), receive)
    return answers[0] if done else Response(status_code=_CLIENT_LEFT)


async def _left(receive: Receive) -> None:
    while (await receive())["type"] not in {"http.disconnect", "websocket.disconnect"}:
        pass
