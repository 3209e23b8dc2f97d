"""A shutdown that comes amid a run's commit, or between its last one and the removal of the recording."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from common.errors import AudioTooShort, EngineRefused, EscribaError
from common.jobs import state, text_state
from common.jobs.needless_audio import is_audio_needless
from common.jobs.run import run_job
from common.local.audio_folder import AudioFolder
from common.local.sqlite.jobs import SqliteJobs
from common.models import Audio, Job, JobEvent, Transcript
from common.services import Services
from tests.acceptance.api import text_of
from tests.contract.sample_jobs import NOW, WEEK
from tests.new_jobs import queued_job
from tests.speaker_listening import serve, stand_in_for_the_child
from tests.unit.test_run_interrupted import AUDIO, compose, submit_audio
from tests.upstream import Upstream


class JobsCutOff(SqliteJobs):
    """The real store, whose answer to the first commit that `is_cut` never comes."""

    def __init__(self, jobs: SqliteJobs, is_cut: Callable[[JobEvent], bool]) -> None:
        super().__init__(jobs._database)
        self._is_cut = is_cut
        self.reached = asyncio.Event()

    async def commit(self, job: Job, event: JobEvent, *, result: Transcript | None = None) -> None:
        await super().commit(job, event, result=result)
        if self._is_cut(event) and not self.reached.is_set():
            self.reached.set()
            await asyncio.Event().wait()


class AudioCutOff(AudioFolder):
    """The real store, the first of whose removals never begins."""

    def __init__(self, audio: AudioFolder) -> None:
        vars(self).update(vars(audio))
        self.reached = asyncio.Event()

    async def remove(self, job_id: str) -> None:
        if not self.reached.is_set():
            self.reached.set()
            await asyncio.Event().wait()
        await super().remove(job_id)


async def cut_off(services: Services, job_id: str, reached: asyncio.Event) -> Job:
    """The job after a shutdown at the moment that `reached` names."""
    running = asyncio.create_task(run_job(services, job_id, "here"))
    async with asyncio.timeout(60):
        await reached.wait()
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
    return await services.jobs.get(job_id)


@pytest.mark.parametrize(
    ("content", "status"),
    [(AUDIO, "completed"), (b"no recording" * 99, "failed")],
    ids=["completed", "refused"],
)
@pytest.mark.parametrize("at", ["commit", "removal"])
async def test_a_job_that_just_ended_leaves_no_recording(
    tmp_path: Path, at: str, content: bytes, status: str
) -> None:
    with Upstream() as upstream:
        async with compose(tmp_path, upstream) as services:
            assert isinstance(services.jobs, SqliteJobs)
            assert isinstance(services.audio, AudioFolder)
            job_id = await submit_audio(services, content)
            jobs = JobsCutOff(services.jobs, lambda event: event.job.status == status)
            audio = AudioCutOff(services.audio)
            if at == "commit":
                cut, reached = replace(services, jobs=jobs), jobs.reached
            else:
                cut, reached = replace(services, audio=audio), audio.reached
            job = await cut_off(cut, job_id, reached)
            assert job.status == status
            assert not await services.audio.has(job_id)


@pytest.mark.parametrize(
    ("error", "is_needless"),
    [(AudioTooShort(minimum=1), True), (EngineRefused(), False), (EscribaError(), False)],
    ids=["refused", "by the engine", "a bug"],
)
def test_the_recording_of_a_failed_job_is_kept_unless_it_would_be_refused_again(
    error: EscribaError, is_needless: bool
) -> None:
    job = queued_job("a", audio=Audio(size_bytes=1, sha256="ab" * 32), now=NOW, expires_at=NOW + WEEK)
    failed = state.fail(job, error, now=NOW, expires_at=NOW + WEEK)
    assert is_audio_needless(failed) == is_needless


@pytest.mark.parametrize("kind", ["state", "text"])
async def test_a_commit_that_went_through_unseen_is_no_death_of_the_process(
    tmp_path: Path, kind: str
) -> None:
    with Upstream() as upstream:
        async with compose(tmp_path, upstream) as services:
            assert isinstance(services.jobs, SqliteJobs)
            job_id = await submit_audio(services)
            jobs = JobsCutOff(
                services.jobs, lambda event: event.job.status == "processing" and event.type == kind
            )
            job = await cut_off(replace(services, jobs=jobs), job_id, jobs.reached)
            assert (job.status, job.attempts, job.deaths) == ("waiting", 0, 0)
            await run_job(services, job_id, "there")
            assert (await services.jobs.get(job_id)).status == "completed"
            result = await services.jobs.result(job_id)
            assert result is not None
            assert result.text == text_of(AUDIO)
            assert len(upstream.requests) == 1


async def test_a_job_that_another_run_took_over_is_not_given_back(tmp_path: Path) -> None:
    with Upstream() as upstream:
        async with compose(tmp_path, upstream) as services:
            assert isinstance(services.jobs, SqliteJobs)
            job_id = await submit_audio(services)
            jobs = JobsCutOff(services.jobs, lambda event: event.type == "text")
            running = asyncio.create_task(run_job(replace(services, jobs=jobs), job_id, "here"))
            async with asyncio.timeout(60):
                await jobs.reached.wait()
            await services.jobs.lease(job_id, "there", now=services.now() + 600, seconds=600)
            before = await services.jobs.get(job_id)
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            assert await services.jobs.get(job_id) == before


async def test_a_task_of_speakers_that_just_ended_leaves_no_recording(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in_for_the_child(monkeypatch)
    async with serve(tmp_path) as server:
        assert isinstance(server.services.audio, AudioFolder)
        audio = AudioCutOff(server.services.audio)
        server.services = replace(server.services, audio=audio)
        running = asyncio.create_task(server.run())
        async with asyncio.timeout(60):
            await audio.reached.wait()
            running.cancel()
            with pytest.raises(asyncio.CancelledError):
                await running
        assert text_state.is_final(await server.job())
        assert not await audio.has(server.job_id)
