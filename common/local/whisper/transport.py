"""Calls the embedded engine in this process as httpx calls a server, and reads its response as it is made.

httpx's own ASGITransport collects the whole response first, so the segments of a stream would all come at
its end. https://www.python-httpx.org/advanced/transports/
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from typing import Any

import httpx
from starlette.types import ASGIApp, Message


class StreamingTransport(httpx.AsyncBaseTransport):
    """`close` is awaited when the client is closed."""

    def __init__(self, app: ASGIApp, close: Callable[[], Awaitable[None]]) -> None:
        self._app, self._close = app, close

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        exchange = _Exchange(request)
        exchange.start(self._app)
        try:
            await exchange.wait_for_start()
        except BaseException:
            await exchange.aclose()
            raise
        return httpx.Response(exchange.status, headers=exchange.headers, stream=exchange)

    async def aclose(self) -> None:
        await self._close()


class _Exchange(httpx.AsyncByteStream):
    """One request and its response; as a stream, the body of the response."""

    def __init__(self, request: httpx.Request) -> None:
        assert isinstance(request.stream, httpx.AsyncByteStream)
        self.status, self.headers = 500, list[tuple[bytes, bytes]]()
        self._request, self._is_sent = request, False
        self._upload = request.stream.__aiter__()
        self._blocks: asyncio.Queue[bytes | None] = asyncio.Queue(maxsize=1)
        self._started, self._ended = asyncio.Event(), asyncio.Event()

    def start(self, app: ASGIApp) -> None:
        self._task = asyncio.create_task(self._run(app))

    async def wait_for_start(self) -> None:
        await self._started.wait()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while (block := await self._blocks.get()) is not None:
            yield block

    async def aclose(self) -> None:
        """The client has the response, or has left."""
        self._ended.set()
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task

    async def _run(self, app: ASGIApp) -> None:
        try:
            with suppress(Exception):  # the app logs its failures; without a response it is a 500
                await app(self._scope(), self._receive, self._send)
        finally:
            self._started.set()
        await self._blocks.put(None)

    async def _receive(self) -> Message:
        async for block in self._upload:
            return {"type": "http.request", "body": block, "more_body": True}
        if not self._is_sent:
            self._is_sent = True
            return {"type": "http.request", "body": b"", "more_body": False}
        await self._ended.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status, self.headers = message["status"], list(message.get("headers", []))
            self._started.set()
        elif body := message.get("body"):
            await self._blocks.put(body)

    def _scope(self) -> dict[str, Any]:
        url = self._request.url
        return {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": self._request.method,
            "scheme": url.scheme,
            "path": url.path,
            "raw_path": url.raw_path.split(b"?")[0],
            "query_string": url.query,
            "root_path": "",
            "headers": [(name.lower(), value) for name, value in self._request.headers.raw],
            "server": (url.host, url.port),
            "client": ("127.0.0.1", 1),
        }
