"""The members of uvicorn, httptools and asyncio that we rely on though they are private or undocumented.

An upgrade that renames one fails here, with its name, before anything else breaks in less obvious ways.
"""

from __future__ import annotations

import asyncio
import inspect
import socket
from asyncio.selector_events import _SelectorSocketTransport  # type: ignore[attr-defined]
from typing import Any

import httptools
import pytest
from uvicorn.config import Config
from uvicorn.protocols.http import httptools_impl
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from uvicorn.server import Server, ServerState

from common.local.server import serve
from common.local.server.http_protocol import HttpProtocol
from common.local.server.websocket_protocol import WebSocketProtocol

# What our classes read, set or call.
OF_HTTP = [
    "_should_upgrade",
    "_start_asgi_task",
    "_unset_keepalive_if_required",
    "connections",
    "cycle",
    "flow",
    "handle_websocket_upgrade",
    "headers",
    "loop",
    "parser",
    "pipeline",
    "scope",
    "transport",
]
OF_CYCLE = [
    "body",
    "keep_alive",
    "message_event",
    "more_body",
    "response_complete",
    "response_started",
    "scope",
]
OF_WEBSOCKET = [
    "close_sent",
    "conn",
    "connections",
    "disconnected",
    "frames",
    "handshake_complete",
    "handshake_initiated",
    "loop",
    "transport",
]
OF_SERVER = ["servers", "should_exit", "started", "server_state"]

# What our classes override: a method that uvicorn never calls would be dead without a sign of it.
OVERRIDES: list[tuple[type[Any], type[Any], list[str]]] = [
    (
        HttpProtocol,
        HttpToolsProtocol,
        [
            "_should_upgrade",
            "_start_asgi_task",
            "connection_lost",
            "connection_made",
            "data_received",
            "eof_received",
            "on_body",
            "on_headers_complete",
            "on_message_begin",
            "on_message_complete",
            "on_response_complete",
            "pause_writing",
            "resume_writing",
        ],
    ),
    (
        WebSocketProtocol,
        WebSocketsSansIOProtocol,
        [
            "connection_lost",
            "connection_made",
            "data_received",
            "handle_bytes",
            "handle_cont",
            "handle_text",
            "keepalive_timeout",
            "pause_writing",
            "resume_writing",
            "run_asgi",
            "send",
            "shutdown",
        ],
    ),
    (serve._Server, Server, ["capture_signals", "handle_exit", "startup"]),
]


async def _app(_scope: Any, _receive: Any, _send: Any) -> None: ...


def _protocol(kind: Any) -> Any:
    return kind(config=Config(_app, log_config=None), server_state=ServerState(), app_state={})


async def test_uvicorns_http_protocol_has_the_members_that_we_use() -> None:
    protocol = _protocol(HttpToolsProtocol)
    assert [name for name in OF_HTTP if not hasattr(protocol, name)] == []
    protocol.on_message_begin()
    assert protocol.url == b""
    flow = [name for name in ("pause_reading", "resume_reading") if not hasattr(FlowControl, name)]
    assert flow == []
    assert httptools_impl.STATUS_LINE[431].startswith(b"HTTP/1.1 431 ")


async def test_uvicorns_request_has_the_members_that_we_use() -> None:
    arguments: dict[str, Any] = dict.fromkeys(inspect.signature(RequestResponseCycle).parameters)
    cycle = RequestResponseCycle(**arguments)
    assert [name for name in OF_CYCLE if not hasattr(cycle, name)] == []


async def test_uvicorns_receive_passes_bytes_on_without_a_copy() -> None:
    """So `on_body` may store the parser's own bytes as the body."""
    arguments: dict[str, Any] = dict.fromkeys(inspect.signature(RequestResponseCycle).parameters)
    cycle = RequestResponseCycle(**{**arguments, "message_event": asyncio.Event(), "flow": FlowControl(None)})  # type: ignore[arg-type]
    body = b"as it came"
    cycle.body = body  # type: ignore[assignment]
    cycle.message_event.set()
    assert (await cycle.receive())["body"] is body  # type: ignore[typeddict-item]


async def test_uvicorns_websocket_protocol_has_the_members_that_we_use() -> None:
    protocol = _protocol(WebSocketsSansIOProtocol)
    assert [name for name in OF_WEBSOCKET if not hasattr(protocol, name)] == []
    assert hasattr(protocol.conn, "handshake_exc")


async def test_uvicorns_server_has_the_members_that_we_use() -> None:
    server = Server(Config(_app, host="127.0.0.1", port=0, log_config=None, lifespan="off"))
    server.should_exit = True
    await server.serve()
    assert [name for name in OF_SERVER if not hasattr(server, name)] == []


@pytest.mark.parametrize(("ours", "uvicorns", "names"), OVERRIDES)
def test_uvicorn_has_each_method_that_we_override(
    ours: type[Any], uvicorns: type[Any], names: list[str]
) -> None:
    methods = {name for name, member in vars(ours).items() if callable(member) and not name.startswith("__")}
    assert sorted(methods & set(dir(uvicorns))) == names


async def test_asyncios_socket_transport_has_the_size_of_a_read() -> None:
    ours, peer = socket.socketpair()
    transport, _ = await asyncio.get_running_loop().create_connection(asyncio.Protocol, sock=ours)
    try:
        assert isinstance(transport, _SelectorSocketTransport)
        assert isinstance(transport.max_size, int)
    finally:
        transport.abort()
        peer.close()


def test_httptools_stops_after_the_headers_of_an_upgrade_and_says_where() -> None:
    head = b"POST / HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: h2c\r\ncontent-length: 4\r\n\r\n"
    with pytest.raises(httptools.HttpParserUpgrade) as stop:
        httptools.HttpRequestParser(_Callbacks()).feed_data(head + b"body")
    assert stop.value.args == (len(head),)


def test_httptools_keeps_what_a_callback_raised() -> None:
    class Raising(_Callbacks):
        def on_headers_complete(self) -> None:
            raise KeyError("ours")

    with pytest.raises(httptools.HttpParserCallbackError) as failure:
        httptools.HttpRequestParser(Raising()).feed_data(b"GET / HTTP/1.1\r\n\r\n")
    assert isinstance(failure.value.__context__, KeyError)


class _Callbacks:
    def on_headers_complete(self) -> None: ...

    def on_message_complete(self) -> None: ...
