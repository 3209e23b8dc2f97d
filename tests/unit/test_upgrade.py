"""Requests that offer another protocol, such as HTTP/2 in clear text, are served as HTTP/1.1."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from fastapi import APIRouter, Request

from common.http.app import build_app
from common.local.server.request_head import without_upgrade
from tests.serving import Client, serving

H2C = "connection: Upgrade, HTTP2-Settings\r\nupgrade: h2c\r\nhttp2-settings: AAEAAEAAAAIAAAABAAMAAABk\r\n"


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    router = APIRouter()

    @router.post("/size")
    async def size(request: Request) -> dict[str, object]:
        return {"size": len(await request.body()), "upgrade": request.headers.get("upgrade")}

    @router.get("/hello")
    async def hello() -> str:
        return "hello"

    with serving(build_app(router)) as port:
        yield port


@pytest.mark.parametrize("size", [0, 5, 60_000, 3_000_000])
def test_a_request_that_offers_h2c_is_served_with_its_body_and_the_connection_is_kept(
    port: int, size: int
) -> None:
    with Client(port) as client:
        for _ in range(2):
            answer = client.post("/size", bytes(size), headers=H2C).answer()
            assert (answer[0], answer[2]) == (200, {"size": size, "upgrade": None})
        assert client.get("/hello").answer()[2] == "hello"


def test_a_body_in_chunks_after_its_headers_is_served_too(port: int) -> None:
    with Client(port) as client:
        head = f"POST /size HTTP/1.1\r\nhost: x\r\n{H2C}transfer-encoding: chunked\r\n\r\n"
        client.send(head.encode())
        client.send(b"5\r\nhello\r\n")
        client.send(b"0\r\n\r\n")
        assert client.answer()[2] == {"size": 5, "upgrade": None}


def test_headers_that_come_byte_by_byte_and_a_request_that_follows_at_once_are_served(port: int) -> None:
    with Client(port) as client:
        for byte in f"GET /hello HTTP/1.1\r\nhost: x\r\n{H2C}\r\n".encode():
            client.send(bytes([byte]))
        client.get("/hello")
        assert [client.answer()[2], client.answer()[2]] == ["hello", "hello"]


def test_a_request_that_asks_to_close_is_closed(port: int) -> None:
    with Client(port) as client:
        client.send(b"GET /hello HTTP/1.1\r\nhost: x\r\nconnection: close, upgrade\r\nupgrade: h2c\r\n\r\n")
        assert client.until_closed().endswith(b'"hello"')


def test_a_websocket_offer_that_cannot_be_one_is_served(port: int) -> None:
    offer = "connection: upgrade\r\nupgrade: websocket\r\n"
    with Client(port) as client:
        assert client.post("/size", b"hello", headers=offer).answer()[2]["size"] == 5


@pytest.mark.parametrize("line", ["CONNECT example.com:443 HTTP/1.1", "PRI * HTTP/2.0"])
def test_a_tunnel_and_http_2_without_an_offer_are_refused(port: int, line: str) -> None:
    with Client(port) as client:
        answer = client.send(f"{line}\r\nhost: x\r\n{H2C}\r\n".encode()).until_closed()
        assert answer.startswith(b"HTTP/1.1 400 ")


def test_only_the_offer_is_taken_out_of_the_head() -> None:
    headers = [(b"host", b"x"), (b"connection", b"keep-alive, Upgrade,HTTP2-Settings"), (b"upgrade", b"h2c")]
    head = without_upgrade(b"GET", b"/a?b", [*headers, (b"http2-settings", b"A")], http_version="1.1")
    assert head == b"GET /a?b HTTP/1.1\r\nhost: x\r\nconnection: keep-alive\r\n\r\n"
