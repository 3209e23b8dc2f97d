"""The AWS emulator as a program, whose WebSocket API answers subprotocols as API Gateway does.

API Gateway chooses none by itself: its answer to a client has the Sec-WebSocket-Protocol that the function of
`$connect` has returned. A browser closes a connection whose answer has none of those that it offered.
https://docs.aws.amazon.com/apigateway/latest/developerguide/websocket-connect-route-subprotocol.html

Runs in `.venv/aws-tools`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from typing import Any

from ministack.app import main
from ministack.services import apigateway

# What the function has returned in this connection's task.
_subprotocol: ContextVar[str | None] = ContextVar("subprotocol", default=None)

_invoke: Callable[..., Awaitable[dict[str, Any] | None]] = apigateway._invoke_ws_lambda
_serve: Callable[..., Awaitable[None]] = apigateway.handle_websocket


async def invoke(*args: Any, **kwargs: Any) -> dict[str, Any] | None:
    answer = await _invoke(*args, **kwargs)
    headers = (answer or {}).get("headers") or {}
    chosen = {name.lower(): value for name, value in headers.items()}.get("sec-websocket-protocol")
    if chosen:
        _subprotocol.set(chosen)
    return answer


async def serve(scope: Any, receive: Any, send: Any, *args: Any, **kwargs: Any) -> None:
    async def accept(message: dict[str, Any]) -> None:
        if message["type"] == "websocket.accept":
            message = {**message, "subprotocol": _subprotocol.get()}
        await send(message)

    await _serve(scope, receive, accept, *args, **kwargs)


if __name__ == "__main__":
    apigateway._invoke_ws_lambda = invoke
    apigateway.handle_websocket = serve
    main()
