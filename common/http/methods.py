"""Which methods an address takes, and HEAD wherever GET is (RFC 9110, 9.3.2 and 10.2.1)."""

from __future__ import annotations

import asyncio
from typing import Any

from starlette.requests import Request
from starlette.routing import Match, Route

# The name of routes that only refuse: they take no method.
REFUSING = "refusing"


def allowed_methods(request: Request) -> tuple[str, ...]:
    """The methods of all routes at the request's address, for `Allow`; none where there is no route."""
    methods: set[str] = set()
    app = request.app
    for route in (*app.state.routes, *app.router.routes):
        is_answering = isinstance(route, Route) and route.name != REFUSING
        if is_answering and route.matches(request.scope)[0] is not Match.NONE:
            methods |= route.methods or set()
    if "GET" in methods:
        methods.add("HEAD")
    return tuple(sorted(methods))


class HeadAsGet:
    """ASGI middleware: answers HEAD with the status and headers of GET, and ends the work there."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self.app(scope, receive, send)
            return
        started = asyncio.Event()

        async def receive_until_started() -> Any:
            """The client's messages; once the head is sent, that it left: an event stream ends only then."""
            receiving, starting = asyncio.ensure_future(receive()), asyncio.ensure_future(started.wait())
            try:
                await asyncio.wait((receiving, starting), return_when=asyncio.FIRST_COMPLETED)
                return {"type": "http.disconnect"} if started.is_set() else receiving.result()
            finally:
                receiving.cancel()
                starting.cancel()

        async def send_head(message: Any) -> None:
            if message["type"] == "http.response.start":
                await send(message)
                await send({"type": "http.response.body", "body": b""})
                started.set()

        await self.app({**scope, "method": "GET"}, receive_until_started, send_head)
