"""The stream itself: what begins it, what keeps it open, how it fails, and that nothing is left behind."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from starlette.responses import Response

from common.errors import EngineBroken, RetryLater
from common.openai.stream import SpokenText, Tell

SCOPE: dict[str, Any] = {"type": "http", "headers": [(b"accept-language", b"es")]}


class Reader:
    """ASGI's other side: keeps what it is sent, stays until it leaves."""

    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []
        self.leaves = asyncio.Event()
        self.stuck = False
        self._more = asyncio.Event()

    async def receive(self) -> dict[str, Any]:
        await self.leaves.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: dict[str, Any]) -> None:
        if self.stuck and message["type"] == "http.response.body":
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


class Held:
    """Something that must be given back."""

    given_back = False

    @contextmanager
    def __call__(self) -> Iterator[None]:
        try:
            yield
        finally:
            self.given_back = True


def refuse(failure: Exception) -> Response:
    return Response(type(failure).__name__, status_code=418)


async def stream(
    work: Callable[[Tell], Awaitable[str]], reader: Reader | None = None, *, heartbeat: float = 15.0
) -> Reader:
    reader, held = reader or Reader(), Held()
    answer = SpokenText(work, held=held(), refuse=refuse, heartbeat=heartbeat)
    try:
        await answer(SCOPE, reader.receive, reader.send)
    finally:
        assert held.given_back
    return reader


async def test_each_text_is_an_event_and_the_whole_is_the_last() -> None:
    async def work(tell: Tell) -> str:
        tell("¿Qué")
        await asyncio.sleep(0)
        tell(" tal?")
        return "¿Qué tal?"

    reader = await stream(work)
    assert [event["type"] for event in reader.events] == [
        "transcript.text.delta",
        "transcript.text.delta",
        "transcript.text.done",
    ]
    assert reader.events[-1]["text"] == "¿Qué tal?"
    assert reader.is_whole


async def test_a_text_is_sent_before_the_work_is_done() -> None:
    reader = Reader()

    async def work(tell: Tell) -> str:
        tell("uno")
        await reader.until(lambda: reader.events)
        return "uno"

    async with asyncio.timeout(60):
        await stream(work, reader)


async def test_a_failure_before_the_first_text_is_an_answer_of_its_own() -> None:
    async def work(_: Tell) -> str:
        raise RetryLater(100)

    reader = await stream(work)
    assert reader.sent[0]["status"] == 418
    assert reader.body == b"RetryLater"


async def test_a_failure_after_it_is_told_in_the_stream_in_the_reader_s_language() -> None:
    async def work(tell: Tell) -> str:
        tell("uno")
        raise EngineBroken

    reader = await stream(work)
    assert reader.sent[0]["status"] == 200
    assert reader.events[-1]["error"]["message"].startswith("El motor")
    assert reader.is_whole


async def test_what_nobody_foresaw_flies() -> None:
    async def work(_: Tell) -> str:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await stream(work)


async def test_silence_is_kept_open_with_comments() -> None:
    async def work(_: Tell) -> str:
        await reader.until(lambda: reader.body.count(b":\n\n") == 3)
        return ""

    reader = Reader()
    await stream(work, reader, heartbeat=0.01)
    assert reader.sent[0]["status"] == 200
    assert reader.events == [{"type": "transcript.text.done", "text": ""}]


async def test_who_leaves_is_not_worked_for() -> None:
    reader, ended = Reader(), asyncio.Event()

    async def work(tell: Tell) -> str:
        tell("uno")
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


async def test_who_does_not_read_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("common.openai.stream._STUCK", 0.01)
    reader = Reader()
    reader.stuck = True

    async def work(tell: Tell) -> str:
        tell("uno")
        return "uno"

    await stream(work, reader)
    assert [message["type"] for message in reader.sent] == ["http.response.start"]
