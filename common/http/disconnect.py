"""A client may leave at any moment: work for a client that has left is cancelled."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, MutableMapping
from contextlib import asynccontextmanager
from typing import Any

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.websockets import WebSocketDisconnect

from common.errors import UploadTooSlow
from common.log import log

_CLIENT_LEFT = 499  # nginx's status for it; only the log sees it
_MAX_SEND_SECONDS = 10.0

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]


class ClientLeft(Exception):
    """Nothing more can be sent to the client."""


async def body_of(request: Request) -> AsyncIterator[bytes]:
    """The request's body, block by block. Raises UploadTooSlow when the client leaves before its end."""
    try:
        async for block in request.stream():
            yield block
    except ClientDisconnect as exc:
        raise UploadTooSlow from exc


async def run_until_left(work: Coroutine[Any, Any, None], receive: Receive) -> bool:
    """Run `work` to its end, or until the client leaves; what the client sends meanwhile is ignored.

    `receive` is ASGI's, after the request's body. True when the work ended; what it raises is raised here,
    except ClientLeft.
    """
    working = asyncio.create_task(work)
    leaving = asyncio.create_task(_wait_until_left(receive))
    try:
        await asyncio.wait((working, leaving), return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            working.result()
        return working.done()
    except ClientLeft:
        return False
    finally:
        working.cancel()
        leaving.cancel()
        await asyncio.gather(working, leaving, return_exceptions=True)


async def respond_unless_left(work: Coroutine[Any, Any, Response], receive: Receive) -> Response:
    """The response that `work` returns, or one for the log alone when the client has left."""
    responses: list[Response] = []

    async def respond() -> None:
        responses.append(await work)

    is_done = await run_until_left(respond(), receive)
    return responses[0] if is_done else Response(status_code=_CLIENT_LEFT)


@asynccontextmanager
async def sending() -> AsyncIterator[None]:
    """Around one send of an endless answer. Raises ClientLeft when the client does not read, or is gone.

    The client can come back with the `seq` that it has reached, so nothing is lost.
    """
    try:
        async with asyncio.timeout(_MAX_SEND_SECONDS):
            yield
    except TimeoutError as exc:
        log("client.stalled", level="WARNING")
        raise ClientLeft from exc
    except WebSocketDisconnect as exc:
        raise ClientLeft from exc


async def _wait_until_left(receive: Receive) -> None:
    while (await receive())["type"] not in {"http.disconnect", "websocket.disconnect"}:
        pass


def declared_bytes(request: Request) -> int:
    """How long the body is by its headers; 0 where they do not say."""
    text = request.headers.get("content-length", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else 0
