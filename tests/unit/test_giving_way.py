"""The child that listens stands still while the server has other work, and goes on afterwards."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Callable, Iterator

import psutil
import pytest

from common.services import ActiveWork
from common.speakers.giving_way import give_way


@pytest.fixture
def child() -> Iterator[psutil.Process]:
    with subprocess.Popen([sys.executable, "-c", "while True: pass"]) as process:
        try:
            yield psutil.Process(process.pid)
        finally:
            process.kill()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110 - no event tells what the kernel did
            await asyncio.sleep(0.01)


def is_stopped(child: psutil.Process) -> bool:
    return bool(child.status() == psutil.STATUS_STOPPED)


async def test_it_stands_still_while_somebody_waits_for_a_text(child: psutil.Process) -> None:
    active = ActiveWork(jobs=1, listening=1)
    async with asyncio.timeout(60) as timer:
        watching = asyncio.create_task(give_way(lambda: active.is_urgent)(child.pid, timer))
        active.transcriptions += 1
        await until(lambda: is_stopped(child))
        active.transcriptions -= 1
        await until(lambda: not is_stopped(child))
        watching.cancel()


async def test_it_goes_on_when_the_watch_ends(child: psutil.Process) -> None:
    async with asyncio.timeout(60) as timer:
        watching = asyncio.create_task(give_way(lambda: True)(child.pid, timer))
        await until(lambda: is_stopped(child))
        watching.cancel()
        await until(lambda: not is_stopped(child))


@pytest.mark.parametrize(
    ("active", "is_urgent"),
    [
        (ActiveWork(jobs=2, listening=2), False),
        (ActiveWork(jobs=2, listening=1), True),
        (ActiveWork(transcriptions=1, jobs=1, listening=2), False),
        (ActiveWork(), False),
    ],
    ids=["all listen", "one is transcribed", "a request listens too", "idle"],
)
def test_listening_is_not_urgent(active: ActiveWork, is_urgent: bool) -> None:
    assert active.is_urgent == is_urgent
