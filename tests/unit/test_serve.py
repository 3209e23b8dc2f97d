"""The server against silent, slow, greedy and hurried connections, and how it stops."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fastapi import APIRouter, Request, WebSocket
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosedError

from common.http.app import build_app
from common.local.server.connections import ConnectionLimits
from tests.server import free_port
from tests.serving import Client, serving, status_of, wait_until

MB = 1024 * 1024
CALM = ConnectionLimits(header=30, keep_alive=30, stalled=30, shutdown=1)


def an_app(calls: list[str] | None = None) -> Any:
    """`calls` gets an entry when a request to /slow has come."""
    router = APIRouter()

    @router.get("/health")
    async def health() -> dict[str, str]:
        return {"status": "ok"}

    @router.post("/size")
    async def size(request: Request) -> dict[str, Any]:
        blocks = [block async for block in request.stream()]
        body = b"".join(blocks)
        return {"size": len(body), "intact": body == bytes(len(body)), "blocks": len(blocks)}

    @router.get("/slow")
    async def slow() -> dict[str, str]:
        (calls if calls is not None else []).append("slow")
        await asyncio.sleep(1.5)
        return {"slow": "done"}

    @router.websocket("/ws")
    async def ws(socket: WebSocket) -> None:
        await socket.accept()
        await asyncio.sleep(1.5)
        await socket.send_text("ñ")
        await socket.receive_text()

    return build_app(router)


@contextlib.contextmanager
def served(**changed: Any) -> Iterator[int]:
    with serving(an_app(), replace(CALM, **changed)) as port:
        yield port


# ── connections that do nothing ───────────────────────────────────────────────────────────────────


def test_a_silent_connection_is_closed() -> None:
    with served(header=0.2) as port, Client(port) as client:
        assert client.until_closed() == b""


def send_slowly(client: Client, data: bytes) -> None:
    for byte in data:
        client.send(bytes([byte]))
        time.sleep(0.01)


def test_a_header_that_comes_too_slowly_is_cut_off() -> None:
    with served(header=0.3) as port, Client(port) as client, pytest.raises(ConnectionError):
        send_slowly(client, b"GET /health HTTP/1.1\r\nx: " + b"a" * 1000)


def test_the_deadline_of_the_header_does_not_hold_for_the_answer() -> None:
    with served(header=1) as port, Client(port) as client:
        assert client.get("/slow").answer()[2] == {"slow": "done"}


def test_an_idle_connection_is_kept_and_then_closed() -> None:
    with served(keep_alive=4) as port, Client(port) as client:
        for _ in range(2):
            assert client.get("/health").answer()[0] == 200
            time.sleep(0.1)
        assert client.until_closed() == b""


def test_empty_lines_do_not_keep_a_connection_alive() -> None:
    with served(keep_alive=1, header=0.3) as port, Client(port) as client:
        assert client.get("/health").answer()[0] == 200
        client.send(b"\r\n")  # ends uvicorn's own keep-alive timer
        start = time.monotonic()
        assert client.until_closed() == b""
        assert time.monotonic() - start < 8


def test_over_the_limit_the_oldest_idle_connections_are_closed_and_health_answers() -> None:
    calls: list[str] = []
    with serving(an_app(calls), replace(CALM, connections=5)) as port, contextlib.ExitStack() as stack:
        busy = stack.enter_context(Client(port)).get("/slow")
        wait_until(lambda: bool(calls))
        idle = [stack.enter_context(Client(port)) for _ in range(12)]
        assert status_of(port) == 200
        assert idle[0].until_closed() == b""
        assert idle[-1].get("/health").answer()[0] == 200
        assert busy.answer()[2] == {"slow": "done"}


def test_a_newcomer_is_served_when_no_other_connection_is_idle() -> None:
    calls: list[str] = []
    with serving(an_app(calls), replace(CALM, connections=1)) as port, Client(port) as busy:
        busy.get("/slow")
        wait_until(lambda: bool(calls))
        assert status_of(port) == 200
        assert busy.answer()[2] == {"slow": "done"}


def test_the_connection_of_a_client_that_does_not_read_is_closed() -> None:
    async def endless(_scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for _ in range(1000):
            await send({"type": "http.response.body", "body": bytes(65536), "more_body": True})
        ended.append(True)

    ended: list[bool] = []
    with serving(endless, replace(CALM, stalled=0.3)) as port, Client(port) as client:
        client.get("/")
        wait_until(lambda: bool(ended))  # sending into a closed connection does not wait


def test_an_answer_that_is_read_slowly_arrives_whole() -> None:
    async def large(_scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"connection", b"close")]})
        for more in (True,) * 80 + (False,):
            await send({"type": "http.response.body", "body": bytes(65536), "more_body": more})

    with serving(large, CALM) as port, Client(port) as client:
        client.get("/")
        time.sleep(0.2)
        assert len(client.until_closed()) > 80 * 65536


# ── too much, and not HTTP ─────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("sent", "status", "code"),
    [
        (b"junk\r\n\r\n", b"400", b"request_malformed"),
        (b"GET / HTTP/1.1\r\nx: " + b"a" * 70_000, b"431", b"headers_too_large"),
        (b"GET /" + b"a" * 70_000, b"431", b"headers_too_large"),
        (b"GET / HTTP/1.1\r\nhost: x\r\nx: " + b"a" * 40_000 + b"\r\n\r\n", b"431", b"headers_too_large"),
        (b"GET /" + b"a" * 40_000 + b" HTTP/1.1\r\nhost: x\r\n\r\n", b"431", b"headers_too_large"),
        (b"GET /health HTTP/1.1\r\n\r\n", b"400", b"request_malformed"),
        (b"GET /health HTTP/1.1\r\nhost: a\r\nhost: a\r\n\r\n", b"400", b"request_malformed"),
        (b"GET /health HTTP/1.0\r\nhost: a\r\nhost: b\r\n\r\n", b"400", b"request_malformed"),
        (b"GET /health HTTP/1.1\r\nhost: user@a\r\n\r\n", b"400", b"request_malformed"),
        (b"GET /health HTTP/1.1\r\nhost: a b\r\n\r\n", b"400", b"request_malformed"),
        (b"GET / HTTP/1.1\r\n" + b"x: a\r\n" * 20_000, b"431", b"headers_too_large"),
        (b"POST / HTTP/1.1\r\ncontent-length: -1\r\n\r\n", b"400", b"request_malformed"),
        (
            b"POST / HTTP/1.1\r\ncontent-length: 4\r\ntransfer-encoding: chunked\r\n\r\n",
            b"400",
            b"request_malformed",
        ),
    ],
)
def test_a_request_that_breaks_http_or_is_too_large_is_refused_in_our_shape(
    sent: bytes, status: bytes, code: bytes
) -> None:
    with served() as port, Client(port) as client:
        answer = client.send(sent).until_closed()
        assert answer.startswith(b"HTTP/1.1 " + status)
        assert b'"code": "' + code + b'"' in answer
        assert b"connection: close\r\n" in answer


@pytest.mark.parametrize(
    "head",
    [
        b"GET /health HTTP/1.0\r\n\r\n",
        b"GET /health HTTP/1.1\r\nhost:\r\n\r\n",
        b"GET /health HTTP/1.1\r\nhost: my_service:8000\r\n\r\n",
        b"GET /health HTTP/1.1\r\nhost: [::1]:8000\r\n\r\n",
    ],
)
def test_a_request_with_a_valid_host_is_served_and_http_1_0_needs_none(head: bytes) -> None:
    with served() as port, Client(port) as client:
        assert client.send(head).answer()[0] == 200


@pytest.mark.parametrize("extra", [b"x: " + b"a" * 70_000, b"x: a\r\n" * 12_000])
def test_endless_trailers_are_cut_off(extra: bytes) -> None:
    with served() as port, Client(port) as client:
        head = b"POST /size HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n"
        client.send(head + b"1\r\n\0\r\n0\r\n")
        with contextlib.suppress(ConnectionError):
            client.send(extra)
        assert client.until_closed() == b""


def test_a_chunked_body_with_more_framing_than_data_is_cut_off() -> None:
    with served() as port, Client(port) as client:
        client.send(b"POST /size HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n")
        with contextlib.suppress(ConnectionError):
            for _ in range(20):
                client.send(b"1\r\n\0\r\n" * 1000)
                time.sleep(0.01)
        assert client.until_closed() == b""


@pytest.mark.parametrize("size", [1, 100, 5000])
def test_a_body_in_small_chunks_arrives_whole(size: int) -> None:
    with served() as port, Client(port) as client:
        head = b"POST /size HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n"
        client.send(head + (b"%x\r\n%b\r\n" % (size, bytes(size))) * 500 + b"0\r\n\r\n")
        answer = client.answer()[2]
        assert (answer["size"], answer["intact"]) == (500 * size, True)


def test_a_large_body_arrives_whole_and_the_connection_serves_again() -> None:
    with served() as port, Client(port) as client:
        for _ in range(2):
            answer = client.post("/size", bytes(5_000_000)).answer()[2]
            assert (answer["size"], answer["intact"]) == (5_000_000, True)


def test_the_app_gets_a_long_body_in_few_blocks_and_its_last_bytes_too() -> None:
    with served() as port, Client(port) as client:
        client.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for size in (400_000, 40_001, 10):
            client.post("/size", length=size)
            for at in range(0, size, 1000):
                client.send(bytes(min(1000, size - at)))
                time.sleep(0.0005)
            answer = client.answer()[2]
            assert answer["size"] == size
            assert answer["blocks"] <= 5 + size // 32_000


def test_a_client_that_leaves_within_a_long_body_is_noticed() -> None:
    with served() as port:
        with Client(port) as client:
            client.post("/size", bytes(100), length=400_000)
            time.sleep(0.05)
        assert status_of(port) == 200  # and the server stops without waiting for that connection


def test_the_rest_of_a_body_is_ignored_after_an_answer_that_did_not_need_it() -> None:
    with served() as port, Client(port) as client:
        assert client.post("/nowhere", b"a", length=200_000).answer()[0] == 404
        client.send(bytes(199_999))
        assert client.get("/health").answer()[0] == 200


def test_a_few_pipelined_requests_are_answered_in_turn() -> None:
    with served() as port, Client(port) as client:
        for _ in range(3):
            client.get("/slow")
        assert [client.answer()[2] for _ in range(3)] == [{"slow": "done"}] * 3
        assert client.get("/health").answer()[0] == 200


def test_many_pipelined_requests_are_refused() -> None:
    with served() as port, Client(port) as client:
        client.send(b"GET /slow HTTP/1.1\r\nhost: x\r\n\r\n" * 5000)
        assert client.until_closed() == b""
        assert status_of(port) == 200


def test_an_app_that_breaks_is_logged_in_our_log(caplog: pytest.LogCaptureFixture) -> None:
    async def breaks(_scope: Any, _receive: Any, _send: Any) -> None:
        raise KeyError("a bug")

    with serving(breaks, CALM) as port, Client(port) as client:
        assert client.get("/").until_closed().startswith(b"HTTP/1.1 500 ")
    assert "a bug" in caplog.text


# ── WebSockets ────────────────────────────────────────────────────────────────────────────────────


async def test_a_web_socket_lives_longer_than_the_header_deadline() -> None:
    with served(header=1, keep_alive=1) as port:
        async with connect(f"ws://127.0.0.1:{port}/ws", open_timeout=60) as ws:
            assert await ws.recv() == "ñ"


async def test_a_message_that_is_too_large_closes_its_web_socket() -> None:
    with served() as port:
        async with connect(f"ws://127.0.0.1:{port}/ws", open_timeout=60) as ws:
            await ws.send("a" * 70_000)
            with pytest.raises(ConnectionClosedError) as caught:
                await ws.recv()
            assert caught.value.rcvd is not None
            assert caught.value.rcvd.code == 1009


class FillingApp:
    """Writes to a client that does not read until the kernel takes no more; `ending` is what comes then."""

    def __init__(self, ending: str = "") -> None:
        self.ending = ending
        self.connections: list[Any] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["path"] == "/health":
            await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
            await send({"type": "http.response.body", "body": b"{}"})
            return
        connection = send.__self__
        await send(
            {"type": "websocket.accept"}
            if scope["type"] == "websocket"
            else {"type": "http.response.start", "status": 200, "headers": []}
        )
        while self.ending and not connection.transport.get_write_buffer_size():
            await send(
                {"type": "websocket.send", "bytes": bytes(8192)}
                if scope["type"] == "websocket"
                else {"type": "http.response.body", "body": bytes(8192), "more_body": True}
            )
        self.connections.append(connection)
        if self.ending == "app closes":
            await send({"type": "websocket.close"})
        elif self.ending != "app returns":
            while (await receive())["type"] != "websocket.disconnect":
                pass

    @property
    def transports(self) -> list[Any]:
        return [connection.transport for connection in self.connections]


UPGRADE = (
    b"GET /ws HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n"
    b"sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)


def frame(opcode: int, payload: bytes = b"", *, fin: bool = True) -> bytes:
    return bytes([opcode | (0x80 if fin else 0), 0x80 | len(payload)]) + bytes(4) + payload


CLOSE, PING = frame(8, b"\x03\xe8"), frame(9, bytes(125))


def is_closed(transport: Any) -> bool:
    return transport._sock is None


@pytest.mark.parametrize("ending", ["app closes", "app returns", "client closes", "client errs"])
def test_a_closed_web_socket_whose_client_does_not_read_is_aborted(ending: str) -> None:
    app = FillingApp(ending)
    with serving(app, replace(CALM, stalled=0.5)) as port, Client(port) as client:
        client.send(UPGRADE)
        wait_until(lambda: bool(app.connections))
        client.send({"client closes": CLOSE, "client errs": b"\xff\xff"}.get(ending, b""))
        wait_until(lambda: is_closed(app.transports[0]))


def test_an_incomplete_answer_whose_client_does_not_read_is_aborted() -> None:
    app = FillingApp("app returns")
    with serving(app, replace(CALM, stalled=0.5)) as port, Client(port) as client:
        client.get("/")
        wait_until(lambda: bool(app.connections) and is_closed(app.transports[0]))


def test_a_closed_connection_whose_client_does_not_read_is_evicted_for_a_newcomer() -> None:
    for request, ending in ((UPGRADE, "app closes"), (b"GET / HTTP/1.1\r\nhost: x\r\n\r\n", "app returns")):
        app = FillingApp(ending)
        with serving(app, replace(CALM, connections=3)) as port, contextlib.ExitStack() as stack:
            for _ in range(3):
                stack.enter_context(Client(port)).send(request)
            wait_until(lambda app=app: len(app.connections) == 3)  # type: ignore[misc]
            assert status_of(port) == 200


def test_a_client_that_pings_and_does_not_read_is_not_read_until_it_does() -> None:
    app = FillingApp()
    with serving(app, CALM) as port, Client(port) as client:
        client.send(UPGRADE)
        wait_until(lambda: bool(app.connections))
        rest = ping_until_stuck(client)
        assert app.transports[0].get_write_buffer_size() < 512 * 1024
        sending = threading.Thread(target=lambda: client.send(rest + CLOSE))
        sending.start()
        assert client.until_closed().endswith(b"\x88\x02\x03\xe8")
        sending.join(60)


def ping_until_stuck(client: Client) -> bytes:
    """The rest of the block that could not be sent, or nothing after 32 MB."""
    client.socket.settimeout(1)
    block = PING * 500
    try:
        for _ in range(32 * MB // len(block)):
            left = block
            while left:
                left = left[client.socket.send(left) :]
    except TimeoutError:
        return left
    finally:
        client.socket.settimeout(60)
    return b""


def test_no_memory_is_kept_for_a_message_of_endless_empty_frames() -> None:
    app = FillingApp()
    with serving(app, CALM) as port, Client(port) as client:
        client.send(UPGRADE)
        wait_until(lambda: bool(app.connections))
        client.send(frame(1, b"a", fin=False) + frame(0, fin=False) * 5000 + frame(9, b"pong?"))
        client.until(b"pong?")
        assert app.connections[0].frames == []


# ── how it stops ──────────────────────────────────────────────────────────────────────────────────

PROGRAM = """
import asyncio, sys
from pathlib import Path
from fastapi import APIRouter
from common.local.server.serve import serve
from common.local.server.connections import ConnectionLimits
from common.http.app import build_app

router = APIRouter()

@router.get("/slow/{seconds}")
async def slow(seconds: float) -> str:
    print("started", flush=True)
    await asyncio.sleep(seconds)
    return "done"

serve(build_app(router), host="127.0.0.1", port=int(sys.argv[1]), limits=ConnectionLimits(shutdown=4))
print("after", flush=True)
"""


@contextlib.contextmanager
def running_program() -> Iterator[tuple[subprocess.Popen[str], int]]:
    port = free_port()
    root = Path(__file__).parents[2]
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(port)],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as running:
        try:
            wait_until(lambda: accepts(port))
            yield running, port
        finally:
            running.kill()


def accepts(port: int) -> bool:
    with contextlib.suppress(ConnectionError):
        Client(port).socket.close()
        return True
    return False


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_lets_requests_in_progress_finish_and_exits_with_0(number: int) -> None:
    with running_program() as (running, port), Client(port) as client:
        client.get("/slow/0.5")
        assert running.stdout is not None
        assert running.stdout.readline() == "started\n"
        running.send_signal(number)
        assert client.answer()[2] == "done"
        assert running.wait(60) == 0
        assert running.stdout.readline() == "after\n"


def test_a_stop_does_not_wait_for_ever() -> None:
    with running_program() as (running, port), Client(port) as client:
        client.get("/slow/60")
        assert running.stdout is not None
        assert running.stdout.readline() == "started\n"
        running.terminate()
        assert running.wait(60) == 0
        assert b'"done"' not in client.until_closed()
