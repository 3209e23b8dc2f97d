"""The stream itself: what starts it, what keeps it open, how it fails, and that resources are released."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from starlette.responses import Response

from common.errors import EngineBroken, RetryLater
from common.openai.stream import TranscriptionStream
from common.transcription.progressive import OnText

SCOPE: dict[str, Any] = {"type": "http", "headers": [(b"accept-language", b"es")]}


class Reader:
    """ASGI's other side: keeps what is sent to it, and stays until `leaves` is set."""

    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []
        self.leaves = asyncio.Event()
        self.reads_nothing = False
        self._more = asyncio.Event()

    async def receive(self) -> dict[str, Any]:
        await self.leaves.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: dict[str, Any]) -> None:
        if self.reads_nothing and message["type"] == "http.response.body":
            await asyncio.Event().wait()
        self.sent.append(message)
        self._more.set()

    async def until(self, condition: Callable[[], object]) -> None:
        while not condition():
            self._more.clear()
            await self._more.wait()

    @property
    def body(self) -> bytes:
        return b"".join(message.get("body", b"") for message in self.sent)

    @property
    def events(self) -> list[dict[str, Any]]:
        lines = self.body.decode().split("\n\n")
        return [json.loads(line.removeprefix("data: ")) for line in lines if line.startswith("data: ")]

    @property
    def is_whole(self) -> bool:
        return self.sent[-1] == {"type": "http.response.body", "body": b"", "more_body": False}


class Resources:
    """What the stream must release."""

    are_released = False

    @contextmanager
    def __call__(self) -> Iterator[None]:
        try:
            yield
        finally:
            self.are_released = True


def refuse(failure: Exception) -> Response:
    return Response(type(failure).__name__, status_code=418)


async def stream(
    work: Callable[[OnText], Awaitable[str]], reader: Reader | None = None, *, heartbeat: float = 15.0
) -> Reader:
    reader, resources = reader or Reader(), Resources()
    response = TranscriptionStream(work, resources=resources(), refuse=refuse, heartbeat=heartbeat)
    try:
        await response(SCOPE, reader.receive, reader.send)
    finally:
        assert resources.are_released
    return reader


async def test_each_text_is_an_event_and_the_whole_text_is_the_last() -> None:
    async def work(on_text: OnText) -> str:
        on_text("¿Qué")
        await asyncio.sleep(0)
        on_text(" tal?")
        return "¿Qué tal?"

    reader = await stream(work)
    assert [event["type"] for event in reader.events] == [
        "transcript.text.delta",
        "transcript.text.delta",
        "transcript.text.done",
    ]
    assert reader.events[-1]["text"] == "¿Qué tal?"
    assert reader.is_whole


async def test_a_text_is_sent_before_the_transcription_ends() -> None:
    reader = Reader()

    async def work(on_text: OnText) -> str:
        on_text("uno")
        await reader.until(lambda: reader.events)
        return "uno"

    async with asyncio.timeout(60):
        await stream(work, reader)


async def test_a_failure_before_the_first_text_has_a_response_of_its_own() -> None:
    async def work(_: OnText) -> str:
        raise RetryLater(100)

    reader = await stream(work)
    assert reader.sent[0]["status"] == 418
    assert reader.body == b"RetryLater"


async def test_a_later_failure_is_an_event_in_the_clients_language() -> None:
    async def work(on_text: OnText) -> str:
        on_text("uno")
        raise EngineBroken

    reader = await stream(work)
    assert reader.sent[0]["status"] == 200
    assert reader.events[-1]["error"]["message"].startswith("El motor")
    assert reader.is_whole


async def test_any_other_exception_is_raised() -> None:
    async def work(_: OnText) -> str:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await stream(work)


async def test_comments_keep_a_silent_stream_open() -> None:
    async def work(_: OnText) -> str:
        await reader.until(lambda: reader.body.count(b":\n\n") == 3)
        return ""

    reader = Reader()
    await stream(work, reader, heartbeat=0.01)
    assert reader.sent[0]["status"] == 200
    assert reader.events == [{"type": "transcript.text.done", "text": ""}]


async def test_the_transcription_ends_when_the_client_leaves() -> None:
    reader, ended = Reader(), asyncio.Event()

    async def work(on_text: OnText) -> str:
        on_text("uno")
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()
        return "never"

    running = asyncio.create_task(stream(work, reader))
    await reader.until(lambda: reader.events)
    reader.leaves.set()
    await running
    assert ended.is_set()
    assert not reader.is_whole


async def test_a_client_that_does_not_read_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("common.http.disconnect._MAX_SEND_SECONDS", 0.01)
    reader = Reader()
    reader.reads_nothing = True

    async def work(on_text: OnText) -> str:
        on_text("uno")
        return "uno"

    await stream(work, reader)
    assert [message["type"] for message in reader.sent] == ["http.response.start"]
