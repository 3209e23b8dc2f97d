"""The child that listens stands still while the server has other work, and goes on afterwards."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager

import psutil
import pytest

from common.active_work import ActiveWork
from common.speakers.giving_way import give_way


@pytest.fixture
def child() -> Iterator[psutil.Process]:
    with subprocess.Popen([sys.executable, "-c", "while True: pass"]) as process:
        try:
            yield psutil.Process(process.pid)
        finally:
            process.kill()


@asynccontextmanager
async def giving_way(active: ActiveWork, child: psutil.Process) -> AsyncIterator[asyncio.Task[None]]:
    async with asyncio.timeout(60) as timer:
        watching = asyncio.create_task(give_way(active)(child.pid, timer))
        await asyncio.sleep(0)  # it starts
        try:
            yield watching
        finally:
            watching.cancel()
            await asyncio.wait([watching])


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110 - no event tells what the kernel did
            await asyncio.sleep(0.01)


def is_stopped(child: psutil.Process) -> bool:
    return bool(child.status() == psutil.STATUS_STOPPED)


def stops_without_a_turn_of_the_loop(child: psutil.Process) -> bool:
    """Whether it stops although the event loop does nothing meanwhile: the kernel alone takes a moment."""
    return any(is_stopped(child) for _ in range(1_000_000))


async def test_it_stands_still_while_somebody_waits_for_a_text(child: psutil.Process) -> None:
    active = ActiveWork(jobs=1, listening=1)
    async with giving_way(active, child):
        assert not is_stopped(child)
        active.count(requests=1)
        assert stops_without_a_turn_of_the_loop(child)
        active.count(requests=-1)
        await until(lambda: not is_stopped(child))


async def test_it_stands_still_from_its_start_where_somebody_waits_already(child: psutil.Process) -> None:
    async with giving_way(ActiveWork(jobs=2, listening=1), child):
        assert stops_without_a_turn_of_the_loop(child)


async def test_it_runs_now_and_then_although_others_wait_without_end(child: psutil.Process) -> None:
    async with giving_way(ActiveWork(jobs=2, listening=1), child):
        await until(lambda: is_stopped(child))
        await until(lambda: not is_stopped(child))


async def test_it_goes_on_when_the_watch_ends(child: psutil.Process) -> None:
    active = ActiveWork(jobs=2, listening=1)
    async with giving_way(active, child):
        await until(lambda: is_stopped(child))
    await until(lambda: not is_stopped(child))
    active.count(requests=1)  # nobody observes it any more
    assert not is_stopped(child)


async def test_work_may_begin_after_the_child_has_ended(child: psutil.Process) -> None:
    active = ActiveWork(jobs=1, listening=1)
    async with giving_way(active, child) as watching:
        child.kill()
        child.wait()
        active.count(requests=1)
        active.count(requests=-1)
        await asyncio.sleep(0)
        assert not watching.done()


@pytest.mark.parametrize(
    ("active", "is_urgent"),
    [
        (ActiveWork(jobs=2, listening=2), False),
        (ActiveWork(jobs=2, listening=1), True),
        (ActiveWork(requests=1, jobs=1, listening=2), False),
        (ActiveWork(requests=1), True),
        (ActiveWork(), False),
    ],
    ids=["all listen", "one is transcribed", "a request listens too", "a recording comes in", "idle"],
)
def test_listening_is_not_urgent(active: ActiveWork, is_urgent: bool) -> None:
    assert active.is_urgent == is_urgent


def test_an_observer_is_called_once_for_each_beginning_and_end_of_urgent_work() -> None:
    active, calls = ActiveWork(), []
    with active.observe(lambda: calls.append(active.is_urgent)):
        active.count(requests=1)
        active.count(jobs=1)
        active.count(requests=-1)
        active.count(listening=1)
        active.count(listening=-1)
        active.count(jobs=-1)
    active.count(jobs=1)
    assert calls == [True, False, True, False]
