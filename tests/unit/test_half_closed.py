"""Clients that close their sending side after the request and wait for the answer, and clients that leave."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import APIRouter, Request

from common.http.app import build_app
from common.http.disconnect import run_until_left
from tests.serving import Client, serving, wait_until

SLOW = 2.5  # seconds: longer than two probes


class App:
    """Counts which of its slow requests ended by themselves and which ended because the client left."""

    def __init__(self) -> None:
        self.started = 0
        self.completed = 0
        self.abandoned = 0

    def build(self) -> Any:
        router = APIRouter()

        @router.post("/size")
        async def size(request: Request) -> dict[str, int]:
            return {"size": len(await request.body())}

        @router.get("/slow")
        @router.post("/slow")
        async def slow(request: Request) -> dict[str, str]:
            await request.body()
            self.started += 1
            if await run_until_left(asyncio.sleep(SLOW), request.receive):
                self.completed += 1
            else:
                self.abandoned += 1
            return {"slow": "done"}

        return build_app(router)


@pytest.fixture
def app() -> App:
    return App()


@contextlib.contextmanager
def connected(app: App) -> Iterator[Client]:
    with serving(app.build()) as port, Client(port) as client:
        yield client


def test_a_client_that_sends_no_more_after_its_body_gets_the_answer(app: App) -> None:
    with connected(app) as client:
        client.post("/size", bytes(100_000)).socket.shutdown(socket.SHUT_WR)
        status, _, answer = client.answer()
        assert (status, answer) == (200, {"size": 100_000})
        assert client.until_closed() == b""


def test_it_gets_an_answer_that_takes_long(app: App) -> None:
    with connected(app) as client:
        client.post("/slow", b"body").socket.shutdown(socket.SHUT_WR)
        assert client.answer()[2] == {"slow": "done"}
        assert app.completed == 1


def test_it_gets_every_answer_that_it_sent_a_request_for(app: App) -> None:
    with connected(app) as client:
        for _ in range(3):
            client.get("/slow")
        client.socket.shutdown(socket.SHUT_WR)
        assert [client.answer()[2] for _ in range(3)] == [{"slow": "done"}] * 3
        assert client.until_closed() == b""


def test_a_client_of_http_1_0_gets_a_quick_answer_without_interim_answers(app: App) -> None:
    with connected(app) as client:
        client.send(b"POST /size HTTP/1.0\r\ncontent-length: 2\r\n\r\nab").socket.shutdown(socket.SHUT_WR)
        answer = client.until_closed()
        assert answer.startswith(b"HTTP/1.1 200 ")
        assert answer.endswith(b'{"size":2}')


@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_a_client_that_leaves_ends_its_work(app: App, version: str) -> None:
    with serving(app.build()) as port:
        with Client(port) as client:
            client.send(f"GET /slow HTTP/{version}\r\nhost: x\r\n\r\n".encode())
            wait_until(lambda: app.started == 1)
        wait_until(lambda: app.abandoned + app.completed == 1)
        assert app.abandoned == 1


def test_a_client_that_sends_no_more_and_leaves_later_ends_its_work(app: App) -> None:
    with serving(app.build()) as port:
        with Client(port) as client:
            client.get("/slow").socket.shutdown(socket.SHUT_WR)
            wait_until(lambda: app.started == 1)
            time.sleep(0.2)
        wait_until(lambda: app.abandoned + app.completed == 1)
        assert app.abandoned == 1


def test_a_client_that_stops_within_its_body_gets_no_answer(app: App) -> None:
    with connected(app) as client:
        client.post("/size", b"half", length=8).socket.shutdown(socket.SHUT_WR)
        assert client.until_closed() == b""


def test_a_connection_without_a_request_is_closed(app: App) -> None:
    with connected(app) as client:
        client.socket.shutdown(socket.SHUT_WR)
        assert client.until_closed() == b""
