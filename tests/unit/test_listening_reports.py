"""How far a job is with its speakers: a few steps, in the background, and never in the way."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from common.errors import Busy
from common.models import Job, JobEvent, Segment, Transcript, Word
from tests.speaker_listening import (
    Listening,
    Server,
    ServerJobs,
    codes,
    serve,
    stand_in_for_the_child,
)


@pytest.fixture
def listening(monkeypatch: pytest.MonkeyPatch) -> Listening:
    return stand_in_for_the_child(monkeypatch)


WORD = Word(word="Aaaah", start=0.0, end=20.7)  # twenty-five windows
LONG = Transcript(
    text="Aaaah", duration=20.7, segments=(Segment(id=0, start=0.0, end=20.7, text=" Aaaah"),), words=(WORD,)
)
STEPS = [(0.0, [8.0]), (0.5, [8.0, 24.0, 40.0, 56.0, 72.0, 88.0]), (9.0, [8.0 * n for n in range(1, 13)])]


@pytest.mark.parametrize(("pause", "steps"), STEPS, ids=["at once", "fast", "slow"])
async def test_progress_is_reported_every_two_seconds_and_every_five_percent_at_most(
    tmp_path: Path, listening: Listening, pause: float, steps: list[float]
) -> None:
    async with serve(tmp_path, LONG) as server:
        seen: list[float | None] = []
        idle = set[asyncio.Task[Any]]()

        async def begin() -> None:
            idle.update(asyncio.all_tasks())

        async def look() -> None:
            server.now += pause
            if reporting := asyncio.all_tasks() - idle:
                await asyncio.wait(reporting)
            seen.append((await server.job()).speakers_progress)

        listening.at_embed, listening.after_window = begin, look
        await server.run()
        assert len(seen) == 25
        assert list(dict.fromkeys(seen)) == [0.0, *steps]


class LockedJobs(ServerJobs):
    """The real store, which takes no progress."""

    refused = 0

    async def commit(self, job: Job, event: JobEvent, *, result: Transcript | None = None) -> None:
        if job.speakers_progress is not None:
            self.refused += 1
            raise Busy(retry_after=1)
        await super().commit(job, event, result=result)


class SlowJobs(ServerJobs):
    """The real store, which takes its time for progress."""

    def __init__(self, server: Server) -> None:
        super().__init__(server)
        self.commits: list[str] = []

    async def commit(self, job: Job, event: JobEvent, *, result: Transcript | None = None) -> None:
        if job.speakers_progress is None:
            self.commits.append("speakers")
        else:
            self.commits.append("begins")
            await asyncio.sleep(0.2)
        await super().commit(job, event, result=result)
        if job.speakers_progress is not None:
            self.commits.append("ends")


async def test_progress_that_cannot_be_stored_holds_up_nothing(tmp_path: Path, listening: Listening) -> None:
    async with serve(tmp_path, LONG) as server:
        jobs = LockedJobs(server)
        server.use(jobs)

        async def pass_time() -> None:
            server.now += 3
            await asyncio.sleep(0)

        listening.after_window = pass_time
        await server.run()
        assert jobs.refused > 1
        assert codes(await server.text()) == []
        await server.assert_nothing_is_left()


async def test_progress_is_stored_one_by_one_and_speakers_wait_for_it(
    tmp_path: Path, listening: Listening
) -> None:
    async with serve(tmp_path, LONG) as server:
        jobs = SlowJobs(server)
        server.use(jobs)

        async def pass_time() -> None:
            server.now += 3
            await asyncio.sleep(0.01)

        listening.after_window = pass_time
        await server.run()
        reports = jobs.commits.count("begins")
        assert reports
        assert jobs.commits == [*["begins", "ends"] * reports, "speakers"]
