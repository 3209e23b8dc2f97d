"""The line for places: who is served, who is refused, and that no place is ever lost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from random import Random

import pytest

from common.access.ledger import PoolShares
from common.errors import Busy, EscribaError
from common.places import Place, Places, WaiterLeft
from common.waiting_line import WaitingLine


async def waiting(places: Places, *callers: str, size_bytes: int = 0) -> list[asyncio.Task[Place]]:
    """One task for each caller, in the line in this order."""
    tasks = []
    for caller in callers:
        tasks.append(asyncio.ensure_future(places.take(caller, size_bytes)))
        await asyncio.sleep(0)
    return tasks


async def turns(*tasks: asyncio.Task[Place]) -> AsyncIterator[int]:
    """Which of the tasks has a place, again and again; each gives it back."""
    left = dict(enumerate(tasks))
    while left:
        await asyncio.sleep(0)
        for number, task in list(left.items()):
            if task.done():
                del left[number]
                yield number
                task.result().release()


async def test_callers_are_served_in_turn_and_the_requests_of_one_in_their_order() -> None:
    places = Places(1)
    first = await places.take("a")
    tasks = await waiting(places, "a", "a", "a", "b", "b", "c")
    first.release()
    assert [number async for number in turns(*tasks)] == [0, 3, 5, 1, 4, 2]


async def test_a_caller_with_its_share_waits_and_leaves_the_free_place_to_another() -> None:
    shares = PoolShares(most=2)
    places = Places(3, shares=shares)
    held = [await places.take("greedy") for _ in range(2)]
    more = await waiting(places, "greedy", "greedy")
    modest = await asyncio.wait_for(places.take("modest"), 60)
    assert not any(task.done() for task in more)
    modest.release()
    await asyncio.sleep(0)
    assert not any(task.done() for task in more)
    held[0].release()
    assert (await more[0], more[1].done()) == (more[0].result(), False)
    for place in (held[1], more[0].result()):
        place.release()
    (await more[1]).release()
    assert not shares.held


async def test_a_full_line_refuses_and_says_when_a_place_is_likely_to_be_free() -> None:
    places = Places(2, length=2)
    held = [await places.take("a") for _ in range(2)]
    tasks = await waiting(places, "a", "a")
    with pytest.raises(Busy) as busy:
        await places.take("a")
    assert busy.value.retry_after == 5 * 3 / 2  # nothing is known yet: 5 s each, three waiting, two at once
    with pytest.raises(Busy):
        places.check_room("a")
    for place in held:
        place.release()
    assert [number async for number in turns(*tasks)] == [0, 1]
    places.check_room("a")


async def test_a_newcomer_displaces_the_newest_of_the_caller_that_fills_the_line() -> None:
    places = Places(1, length=3)
    first = await places.take("a")
    tasks = await waiting(places, "a", "a", "a")
    places.check_room("b")
    tasks += await waiting(places, "b")
    with pytest.raises(Busy):
        await tasks[2]
    with pytest.raises(Busy):  # "a" has two and "b" one: nobody has two more
        await places.take("b")
    first.release()
    assert [number async for number in turns(tasks[0], tasks[1], tasks[3])] == [0, 2, 1]


async def test_recordings_that_wait_are_bounded_by_bytes() -> None:
    places = Places(1, max_bytes=100)
    first = await places.take("a", 1000)  # what does not wait is not counted
    tasks = await waiting(places, "a", size_bytes=60)
    with pytest.raises(Busy):
        await places.take("b", 60)
    tasks += await waiting(places, "b", size_bytes=40)
    first.release()
    assert [number async for number in turns(*tasks)] == [0, 1]


async def test_who_waits_too_long_is_refused() -> None:
    places = Places(1, longest_wait=0.01)
    first = await places.take("a")
    with pytest.raises(Busy):
        await places.take("a")
    first.release()
    (await places.take("a")).release()


async def test_who_leaves_frees_its_place_in_the_line() -> None:
    places = Places(1, length=1)
    first = await places.take("a")
    left = asyncio.get_running_loop().create_future()
    leaving = asyncio.ensure_future(places.take("a", left=left))
    await asyncio.sleep(0)
    left.set_result(None)
    with pytest.raises(WaiterLeft):
        await leaving
    [cancelled] = await waiting(places, "a")
    cancelled.cancel()
    [last] = await waiting(places, "a")
    await asyncio.sleep(0)
    first.release()
    assert await last
    assert cancelled.cancelled()


async def test_closing_refuses_all_that_wait_and_all_that_come() -> None:
    places = Places(1)
    held = await places.take("a")
    tasks = await waiting(places, "a", "b")
    places.close(EscribaError)
    for task in tasks:
        with pytest.raises(EscribaError):
            await task
    with pytest.raises(EscribaError):
        await places.take("c")
    held.release()


async def test_a_place_that_is_released_twice_is_one_place() -> None:
    places = Places(1)
    with await places.take("a") as place:
        place.release()
        second = await places.take("a")
    assert not places.has_free("")
    second.release()
    assert places.has_free("")


@pytest.mark.parametrize("seed", range(5))
async def test_no_place_is_lost_or_given_twice_however_requests_end(seed: int) -> None:
    random, places, taken = Random(seed), Places(3, length=10, longest_wait=0.005), 0

    async def work() -> None:
        nonlocal taken
        loop = asyncio.get_running_loop()
        left: asyncio.Future[None] = loop.create_future()
        loop.call_later(random.random() / 50, left.set_result, None)
        with await places.take(random.choice("abc"), left=left):
            taken += 1
            assert taken <= 3
            try:
                await asyncio.sleep(random.random() / 500)
            finally:
                taken -= 1

    async def start() -> None:
        task = asyncio.ensure_future(work())
        await asyncio.sleep(random.random() / 100)
        if random.random() < 0.4:
            task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    await asyncio.gather(*(start() for _ in range(200)))
    await asyncio.sleep(0.03)
    assert places.waiting == 0
    held = [await places.take("a") for _ in range(3)]
    assert not places.has_free("")
    for place in held:
        place.release()


def test_the_line_forgets_callers_that_no_longer_wait() -> None:
    line: WaitingLine[int] = WaitingLine()
    for number in range(4):
        line.add("ab"[number % 2], number)
    line.discard("a", 2)
    line.discard("a", 2)
    assert [line.pop_next() for _ in range(4)] == [("a", 0), ("b", 1), ("b", 3), None]
    assert len(line) == 0
    assert line._by_caller == {}
