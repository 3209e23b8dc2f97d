"""Requests with a recording are urgent from their headers to their answer, unless the client is slow."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from common.local.server.request_body import Pace
from common.local.server.upload_guard import UploadGuard
from common.local.server.upload_limits import UploadLimits
from tests.serving import Client, serving, wait_until


@dataclass
class Served:
    """A server whose app reads the whole body and answers when it may."""

    changes: list[int] = field(default_factory=list)
    may_answer: threading.Event = field(default_factory=threading.Event)
    port: int = 0

    async def app(self, scope: Any, receive: Any, send: Any) -> None:
        while (await receive()).get("more_body"):
            pass
        await asyncio.to_thread(self.may_answer.wait)
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
        await send({"type": "http.response.body", "body": b"{}"})

    def wait_for(self, *changes: int) -> None:
        """All that was counted since the start of the test."""
        wait_until(lambda: self.changes == [*changes])


@contextmanager
def serve(*, slow_after: float = 60.0) -> Iterator[Served]:
    served = Served()
    pace = Pace(deadline=60, idle=60, grace=60, slow_after=slow_after)
    limits = UploadLimits(uploads={"/upload": 2**20}, pace=pace)
    guard = UploadGuard(served.app, limits, count=served.changes.append)
    with serving(guard) as served.port:
        try:
            yield served
        finally:
            served.may_answer.set()


def test_a_recording_is_urgent_from_its_headers_to_its_answer() -> None:
    with serve() as served, Client(served.port) as client:
        client.post("/upload", length=10)
        served.wait_for(1)
        client.send(bytes(10))
        assert client.answer_within(0.2) is None
        assert served.changes == [1]
        served.may_answer.set()
        assert client.answer()[0] == 200
        served.wait_for(1, -1)


def test_a_client_that_hangs_is_urgent_no_longer_until_its_recording_is_there() -> None:
    with serve(slow_after=0.01) as served, Client(served.port) as client:
        client.post("/upload", bytes(20_000), length=20_010)
        served.wait_for(1, -1)
        client.send(bytes(10))
        served.wait_for(1, -1, 1)


def test_a_client_that_leaves_is_urgent_no_longer() -> None:
    with serve() as served:
        with Client(served.port) as client:
            client.post("/upload", bytes(20_000), length=10**6)
            served.wait_for(1)
        served.may_answer.set()
        served.wait_for(1, -1)


def test_requests_without_a_recording_are_not_urgent() -> None:
    with serve() as served, Client(served.port) as client:
        client.post("/job", b"{}")
        assert client.answer_within(0.2) is None
        assert served.changes == []
