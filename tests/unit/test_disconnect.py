"""Work that ends when its client leaves."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from starlette.responses import Response

from common.http.disconnect import answer_unless_left, until_left


async def _never() -> dict[str, Any]:
    await asyncio.Event().wait()
    return {}


async def test_work_is_done_to_its_end_while_the_client_stays() -> None:
    done = []

    async def work() -> None:
        await asyncio.sleep(0)
        done.append(1)

    assert await until_left(work(), _never)
    assert done == [1]


@pytest.mark.parametrize("farewell", ["http.disconnect", "websocket.disconnect"])
async def test_work_ends_when_the_client_leaves_and_what_it_says_before_is_ignored(farewell: str) -> None:
    messages = iter([{"type": "websocket.receive", "text": "hi"}, {"type": farewell}])
    ended = []

    async def receive() -> dict[str, Any]:
        return next(messages)

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(1)

    assert not await until_left(work(), receive)
    assert ended == [1]


async def test_an_answer_is_given_unless_the_client_has_left() -> None:
    async def work() -> Response:
        return Response("done")

    async def long() -> Response:
        await asyncio.Event().wait()
        raise AssertionError

    async def leaves() -> dict[str, Any]:
        return {"type": "http.disconnect"}

    assert (await answer_unless_left(work(), _never)).body == b"done"
    assert (await answer_unless_left(long(), leaves)).status_code == 499


async def test_what_goes_wrong_in_the_work_flies() -> None:
    async def work() -> None:
        raise ValueError

    with pytest.raises(ValueError):  # noqa: PT011
        await until_left(work(), _never)


async def test_who_is_cancelled_takes_the_work_along() -> None:
    ended = asyncio.Event()

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    task = asyncio.create_task(until_left(work(), _never))
    await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ended.is_set()
