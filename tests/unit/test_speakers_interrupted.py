"""A task of speakers that is cut off: by another holder, a shutdown, a store that is away."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from common.errors import StoreUnavailable
from common.jobs import text_state
from common.jobs.commit import commit_job
from common.jobs.later_speakers import run_speaker_task
from common.local.sqlite.speaker_tasks import SqliteSpeakerTasks
from common.models import Job, JobEvent, Transcript
from common.speaker_tasks_port import SpeakerTask
from tests.speaker_listening import (
    LABELLED,
    TEXT,
    Listening,
    ServerJobs,
    hang,
    nothing,
    said,
    serve,
    stand_in_for_the_child,
)


@pytest.fixture
def listening(monkeypatch: pytest.MonkeyPatch) -> Listening:
    return stand_in_for_the_child(monkeypatch)


async def test_a_lost_lease_stops_the_work_and_leaves_the_task_to_its_holder(
    tmp_path: Path, listening: Listening
) -> None:
    async with serve(tmp_path, lease_seconds=0.3) as server:

        async def lose() -> None:
            await server.lose_lease()
            await hang()

        before, listening.at_embed = await server.job(), lose
        async with asyncio.timeout(60):
            await server.run()
        assert await server.job() == before
        assert listening.assigned == []
        await server.tasks.renew(server.job_id, "you", now=server.now, seconds=30)


async def test_a_lease_lost_before_a_stretch_is_kept_is_no_failure_of_the_listening(
    tmp_path: Path, listening: Listening, caplog: pytest.LogCaptureFixture
) -> None:
    async with serve(tmp_path, max_attempts=1) as server:
        listening.at_embed = server.lose_lease
        await server.run()
        assert await server.text() == TEXT
        assert await server.tasks.kept(server.job_id) == {}
        await server.tasks.renew(server.job_id, "you", now=server.now, seconds=30)
        assert [record.message for record in caplog.records if record.levelname == "ERROR"] == []


async def test_a_task_whose_speakers_are_there_does_nothing(tmp_path: Path, listening: Listening) -> None:
    async with serve(tmp_path) as server:
        late = await server.claim()
        assert late
        await commit_job(server.services, text_state.drop_speakers(await server.job(), now=server.now))
        await run_speaker_task(server.services, server.tasks, late, "me")
        assert (listening.embedded, await server.text()) == (0, TEXT)


async def test_a_shutdown_gives_the_task_back_at_once_and_is_no_attempt(
    tmp_path: Path, listening: Listening
) -> None:
    async with serve(tmp_path) as server:
        started = asyncio.Event()

        async def begin() -> None:
            started.set()
            await hang()

        listening.at_embed = begin
        running = asyncio.create_task(server.run())
        await started.wait()
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        assert await server.claim("you") == SpeakerTask(server.job_id, attempts=1)


async def test_a_run_whose_time_is_up_gives_the_task_back_at_once_and_that_was_an_attempt(
    tmp_path: Path, listening: Listening
) -> None:
    async with serve(tmp_path) as server:
        listening.at_embed = hang
        task = await server.claim()
        assert task
        await run_speaker_task(server.services, server.tasks, task, "me", seconds=0.2)
        assert await server.claim("you") == SpeakerTask(server.job_id, attempts=2)


class AwayJobs(ServerJobs):
    """The real store, which may be away."""

    is_away = False

    async def get(self, job_id: str) -> Job:
        if self.is_away:
            raise StoreUnavailable(retry_after=0.01)
        return await super().get(job_id)

    async def commit(self, job: Job, event: JobEvent, *, result: Transcript | None = None) -> None:
        if self.is_away:
            raise StoreUnavailable(retry_after=0.01)
        await super().commit(job, event, result=result)


class AwayTasks(SqliteSpeakerTasks):
    """The real store of tasks, away with that of jobs until a task was to be given back."""

    def __init__(self, away: AwayJobs) -> None:
        super().__init__(away._database)
        self._away = away

    async def give_back(self, job_id: str, holder: str, *, due_at: float, attempts: int) -> None:
        if self._away.is_away:
            self._away.is_away = False
            raise StoreUnavailable(retry_after=0.01)
        await super().give_back(job_id, holder, due_at=due_at, attempts=attempts)


@pytest.mark.parametrize("at", ["first", "last"])
async def test_a_store_that_is_away_makes_a_task_wait_and_is_no_attempt(
    tmp_path: Path, listening: Listening, at: str
) -> None:
    async with serve(tmp_path) as server:
        away = AwayJobs(server)
        away.is_away = at == "first"
        server.use(away)
        server.tasks = AwayTasks(away)

        async def leave() -> None:
            away.is_away = at == "last"

        listening.at_assign = leave
        await server.run()
        assert not away.is_away
        assert await server.text() == TEXT
        listening.at_assign = nothing
        task = await server.claim()
        assert task == SpeakerTask(server.job_id, attempts=1)
        await run_speaker_task(server.services, server.tasks, task, "me")
        assert said(await server.text()) == LABELLED
