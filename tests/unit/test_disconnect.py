"""Work ends when its client leaves."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from starlette.responses import Response
from starlette.websockets import WebSocketDisconnect

from common.http import disconnect
from common.http.disconnect import ClientLeft, respond_unless_left, run_until_left, sending


async def _never() -> dict[str, Any]:
    await asyncio.Event().wait()
    return {}


async def test_work_runs_to_its_end_while_the_client_stays() -> None:
    done = []

    async def work() -> None:
        await asyncio.sleep(0)
        done.append(1)

    assert await run_until_left(work(), _never)
    assert done == [1]


@pytest.mark.parametrize("message_type", ["http.disconnect", "websocket.disconnect"])
async def test_work_is_cancelled_when_the_client_leaves_and_what_it_sends_before_is_ignored(
    message_type: str,
) -> None:
    messages = iter([{"type": "websocket.receive", "text": "hi"}, {"type": message_type}])
    ended = []

    async def receive() -> dict[str, Any]:
        return next(messages)

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(1)

    assert not await run_until_left(work(), receive)
    assert ended == [1]


async def test_there_is_a_response_unless_the_client_has_left() -> None:
    async def work() -> Response:
        return Response("done")

    async def long() -> Response:
        await asyncio.Event().wait()
        raise AssertionError

    async def leaves() -> dict[str, Any]:
        return {"type": "http.disconnect"}

    assert (await respond_unless_left(work(), _never)).body == b"done"
    assert (await respond_unless_left(long(), leaves)).status_code == 499


async def test_an_exception_of_the_work_is_raised() -> None:
    async def work() -> None:
        raise ValueError

    with pytest.raises(ValueError):  # noqa: PT011
        await run_until_left(work(), _never)


async def test_a_cancellation_cancels_the_work() -> None:
    ended = asyncio.Event()

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    task = asyncio.create_task(run_until_left(work(), _never))
    await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ended.is_set()


async def test_work_whose_client_does_not_read_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(disconnect, "_MAX_SEND_SECONDS", 0.01)

    async def work() -> None:
        async with sending():
            await asyncio.Event().wait()

    assert not await run_until_left(work(), _never)


async def test_a_send_to_a_closed_web_socket_says_that_the_client_left() -> None:
    with pytest.raises(ClientLeft):
        async with sending():
            raise WebSocketDisconnect(1006)
