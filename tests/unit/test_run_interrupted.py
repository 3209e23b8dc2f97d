"""A run that is cut off: by a cancellation, another holder, the death of its process, a store that fails."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest

from common.audio.ffmpeg import Ffmpeg
from common.errors import Busy, StorageFull
from common.groq.client import Groq
from common.jobs import state
from common.jobs.actions import discard
from common.jobs.commit import commit_job
from common.jobs.run import run_job
from common.jobs.submit import JobRequest, submit
from common.local.audio_folder import AudioFolder
from common.local.hub import Hub
from common.local.sqlite.database import Database
from common.local.sqlite.jobs import SqliteJobs
from common.local.sqlite.queue import SqliteQueue
from common.models import Audio, Job, JobEvent, Options, Piece, Transcript
from common.services import Services
from common.settings import Settings
from common.upload.ticket import UploadTickets
from tests.acceptance.api import sha, text_of
from tests.acceptance.client import tone
from tests.replies import Reply
from tests.serving import wait_until
from tests.upstream import Upstream

AUDIO = tone(random.Random(3))


@asynccontextmanager
async def compose(root: Path, upstream: Upstream, *, lease_seconds: float = 30) -> AsyncIterator[Services]:
    database = Database(root / "jobs.sqlite3")
    audio = AudioFolder(root / "audio", budget_bytes=10**7, tickets=UploadTickets(b"s" * 32))
    await audio.open()
    services = Services(
        settings=Settings(data_dir=root, lease_seconds=lease_seconds),
        ffmpeg=Ffmpeg(at_once=1),
        engine=Groq(base_url=upstream.url, api_key=None, model="whisper-large-v3-turbo"),
        engine_problem=None,
        scratch=root,
        now=time.time,
        started_at=0,
        jobs=SqliteJobs(database),
        audio=audio,
        queue=SqliteQueue(database, now=time.time),
        subscribers=Hub(max_listeners=9),
        quota=None,
    )
    try:
        yield services
    finally:
        await services.engine.aclose()
        database.close()


async def submit_audio(services: Services, content: bytes = AUDIO) -> str:
    file = services.scratch / "received"
    file.write_bytes(content)
    audio = Audio(size_bytes=len(content), sha256=sha(content))
    job = await submit(services, JobRequest(str(uuid4()), Options()), file, audio)
    return job.job_id


class JobsWithHook(SqliteJobs):
    """The real store, which calls `before` before it keeps a piece."""

    def __init__(self, jobs: SqliteJobs, *, before: Callable[[], Awaitable[object]]) -> None:
        super().__init__(jobs._database)
        self._before = before

    async def keep_piece(self, job_id: str, piece: Piece, *, holder: str) -> None:
        await self._before()
        await super().keep_piece(job_id, piece, holder=holder)


async def test_a_piece_that_ends_during_a_deletion_is_not_kept(tmp_path: Path) -> None:
    with Upstream() as upstream:
        async with compose(tmp_path, upstream) as services:
            assert isinstance(services.jobs, SqliteJobs)
            job_id = await submit_audio(services)
            # As with two processes: nothing cancels this run, so its piece comes after everything was erased.
            jobs = JobsWithHook(services.jobs, before=lambda: discard(services, job_id))
            await run_job(replace(services, jobs=jobs), job_id, "here")
            assert (await services.jobs.get(job_id)).status == "cancelled"
            assert await services.jobs.pieces(job_id) == []
            assert await services.jobs.result(job_id) is None
            assert not await services.audio.has(job_id)
            assert [event.text for event in await services.jobs.events(job_id, after=0) if event.text] == []


class FailingJobs(SqliteJobs):
    """The real store, some of whose calls raise."""

    def __init__(self, jobs: SqliteJobs, **failures: list[Exception]) -> None:
        super().__init__(jobs._database)
        self.failures = failures

    def _fail_if_scripted(self, call: str) -> None:
        if left := self.failures.get(call):
            raise left.pop()

    async def commit(self, job: Job, event: JobEvent, *, result: Transcript | None = None) -> None:
        self._fail_if_scripted(f"commit_{job.status}")
        await super().commit(job, event, result=result)

    async def keep_piece(self, job_id: str, piece: Piece, *, holder: str) -> None:
        self._fail_if_scripted("keep_piece")
        await super().keep_piece(job_id, piece, holder=holder)

    async def renew(self, job_id: str, holder: str, *, now: float, seconds: float) -> None:
        self._fail_if_scripted("renew")
        await super().renew(job_id, holder, now=now, seconds=seconds)

    async def release(self, job_id: str, holder: str) -> None:
        self._fail_if_scripted("release")
        await super().release(job_id, holder)


async def test_a_piece_is_not_transcribed_again_when_the_store_is_locked_for_a_while(tmp_path: Path) -> None:
    with Upstream() as upstream:
        async with compose(tmp_path, upstream) as services:
            assert isinstance(services.jobs, SqliteJobs)
            job_id = await submit_audio(services)
            locked = FailingJobs(
                services.jobs,
                commit_processing=[Busy(retry_after=0.01)],
                keep_piece=[Busy(retry_after=0.01), Busy(retry_after=0.01)],
                commit_completed=[Busy(retry_after=0.01)],
            )
            await run_job(replace(services, jobs=locked), job_id, "here")
            assert not any(locked.failures.values())
            job = await services.jobs.get(job_id)
            assert (job.status, job.attempts) == ("completed", 1)
            assert len(upstream.requests) == 1


async def test_a_lease_that_cannot_be_renewed_for_a_moment_is_not_lost(tmp_path: Path) -> None:
    with Upstream() as upstream:
        upstream.default = Reply(delay=3.5)
        async with compose(tmp_path, upstream, lease_seconds=3) as services:
            assert isinstance(services.jobs, SqliteJobs)
            job_id = await submit_audio(services)
            locked = FailingJobs(services.jobs, renew=[StorageFull()])
            await run_job(replace(services, jobs=locked), job_id, "here")
            assert (await services.jobs.get(job_id)).status == "completed"
            assert len(upstream.requests) == 1


async def test_a_lease_that_expired_without_renewal_ends_the_run(tmp_path: Path) -> None:
    with Upstream() as upstream:
        upstream.default = Reply(hang=True)
        async with compose(tmp_path, upstream, lease_seconds=3) as services:
            assert isinstance(services.jobs, SqliteJobs)
            job_id = await submit_audio(services)
            locked = FailingJobs(services.jobs, renew=[StorageFull() for _ in range(50)])
            async with asyncio.timeout(60):
                await run_job(replace(services, jobs=locked), job_id, "here")
            wait_until(lambda: upstream.requests[0].client_gone)
            assert (await services.jobs.get(job_id)).status == "processing"
            assert isinstance(services.queue, SqliteQueue)
            assert await services.queue.claim(time.time() + 1, "there", 30) == job_id


async def test_a_run_that_lost_its_lease_to_another_stops_and_commits_nothing(tmp_path: Path) -> None:
    with Upstream() as upstream:
        upstream.default = Reply(hang=True)
        async with compose(tmp_path, upstream, lease_seconds=0.3) as services:
            job_id = await submit_audio(services)
            running = asyncio.create_task(run_job(services, job_id, "here"))
            await asyncio.to_thread(wait_until, lambda: bool(upstream.requests))
            later = services.now() + 60
            await services.jobs.lease(job_id, "there", now=later, seconds=60)
            seq = (await services.jobs.get(job_id)).seq
            async with asyncio.timeout(60):
                await running
            job = await services.jobs.get(job_id)
            assert (job.status, job.seq) == ("processing", seq)


async def test_a_job_that_the_store_could_not_keep_completes_in_a_later_run(tmp_path: Path) -> None:
    with Upstream() as upstream:
        async with compose(tmp_path, upstream) as services:
            assert isinstance(services.jobs, SqliteJobs)
            job_id = await submit_audio(services)
            full = FailingJobs(
                services.jobs,
                keep_piece=[StorageFull()],
                commit_waiting=[StorageFull()],
                release=[StorageFull()],
            )
            await run_job(replace(services, jobs=full), job_id, "here")
            assert not any(full.failures.values())
            assert (await services.jobs.get(job_id)).status == "processing"
            # Once there is room again, the next run completes it.
            await services.jobs.lease(job_id, "here", now=services.now(), seconds=1)
            await run_job(services, job_id, "here")
            result = await services.jobs.result(job_id)
            assert result
            assert result.text == text_of(AUDIO)


async def test_a_run_pauses_when_the_store_can_keep_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("common.jobs.run._STORE_PAUSE", 0.5)
    with Upstream() as upstream:
        async with compose(tmp_path, upstream) as services:
            assert isinstance(services.jobs, SqliteJobs)
            job_id = await submit_audio(services)
            full = FailingJobs(services.jobs, commit_processing=[StorageFull()])
            began = time.monotonic()
            await run_job(replace(services, jobs=full), job_id, "here")
            assert time.monotonic() - began >= 0.5
            assert (await services.jobs.get(job_id)).status == "queued"


async def test_pieces_of_another_cut_plan_are_transcribed_again(tmp_path: Path) -> None:
    with Upstream() as upstream:
        async with compose(tmp_path, upstream) as services:
            job_id = await submit_audio(services)
            await services.jobs.lease(job_id, "before", now=services.now(), seconds=30)
            other = Piece(index=0, start=0, transcript=Transcript(text="of another cut plan", duration=500))
            await services.jobs.keep_piece(job_id, other, holder="before")
            await services.jobs.release(job_id, "before")
            await run_job(services, job_id, "here")
            result = await services.jobs.result(job_id)
            assert result
            assert result.text == text_of(AUDIO)


async def test_a_shutdown_gives_the_job_back_at_once_and_is_no_attempt(tmp_path: Path) -> None:
    with Upstream() as upstream:
        upstream.default = Reply(hang=True)
        async with compose(tmp_path, upstream) as services:
            job_id = await submit_audio(services)
            running = asyncio.create_task(run_job(services, job_id, "here"))
            await asyncio.to_thread(wait_until, lambda: bool(upstream.requests))
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            job = await services.jobs.get(job_id)
            assert (job.status, job.attempts) == ("waiting", 0)
            assert isinstance(services.queue, SqliteQueue)
            assert await services.queue.claim(services.now(), "there", 30) == job_id


async def leave_as_killed(services: Services, job_id: str, *, isolated: bool = False, times: int = 1) -> Job:
    """Make the job what killed processes leave: all deaths are recorded but the last one."""
    job = await services.jobs.get(job_id)
    for number in range(times):
        if number:
            job = await commit_job(services, state.record_death(job, isolated=isolated, now=services.now()))
        job = await commit_job(services, state.start(job, now=services.now()))
    return job


async def test_the_first_death_costs_no_attempt_and_no_time(tmp_path: Path) -> None:
    with Upstream() as upstream:
        async with compose(tmp_path, upstream) as services:
            job_id = await submit_audio(services)
            await leave_as_killed(services, job_id)
            await run_job(services, job_id, "here")
            job = await services.jobs.get(job_id)
            assert (job.status, job.attempts, job.deaths) == ("completed", 1, 0)


async def test_after_the_second_death_a_job_goes_back_to_the_queue_to_be_claimed_alone(
    tmp_path: Path,
) -> None:
    with Upstream() as upstream:
        async with compose(tmp_path, upstream) as services:
            job_id = await submit_audio(services)
            await leave_as_killed(services, job_id, times=2)
            await run_job(services, job_id, "here")
            job = await services.jobs.get(job_id)
            assert (job.status, job.attempts, job.deaths) == ("waiting", 0, 2)
            assert upstream.requests == []
            assert isinstance(services.queue, SqliteQueue)
            assert await services.queue.claim(services.now(), "here", 30) == job_id
            await run_job(services, job_id, "here")
            assert (await services.jobs.get(job_id)).status == "completed"


async def test_after_a_second_death_alone_a_job_waits_before_it_runs_again(tmp_path: Path) -> None:
    with Upstream() as upstream:
        async with compose(tmp_path, upstream) as services:
            job_id = await submit_audio(services)
            await leave_as_killed(services, job_id, times=4)
            await run_job(services, job_id, "here")
            job = await services.jobs.get(job_id)
            assert (job.status, job.attempts, job.deaths) == ("waiting", 2, 4)
            assert isinstance(services.queue, SqliteQueue)
            assert await services.queue.claim(services.now() + 50, "here", 30) is None
            assert await services.queue.claim(services.now() + 60, "here", 30) == job_id


async def test_a_job_in_whose_runs_alone_the_process_always_died_is_interrupted(tmp_path: Path) -> None:
    with Upstream() as upstream:
        async with compose(tmp_path, upstream) as services:
            job_id = await submit_audio(services)
            await leave_as_killed(services, job_id, times=2 + services.settings.max_attempts)
            await run_job(services, job_id, "here")
            job = await services.jobs.get(job_id)
            assert job.error
            assert (job.status, job.error.code, job.error.details) == (
                "failed",
                "interrupted",
                {"attempts": 6},
            )
            assert upstream.requests == []


async def test_where_each_run_is_isolated_a_job_goes_on_after_one_death_and_waits_after_two(
    tmp_path: Path,
) -> None:
    with Upstream() as upstream:
        async with compose(tmp_path, upstream) as services:
            once, twice = [await submit_audio(services) for _ in range(2)]
            await leave_as_killed(services, once, isolated=True)
            await leave_as_killed(services, twice, isolated=True, times=2)
            for job_id in (once, twice):
                await run_job(services, job_id, "here", isolated=True)
            assert (await services.jobs.get(once)).status == "completed"
            waits = await services.jobs.get(twice)
            assert (waits.status, waits.attempts, waits.deaths) == ("waiting", 2, 2)
            assert isinstance(services.queue, SqliteQueue)
            assert await services.queue.claim(services.now() + 50, "here", 30) is None


async def test_where_each_run_is_isolated_every_death_counts_to_the_last(tmp_path: Path) -> None:
    with Upstream() as upstream:
        async with compose(tmp_path, upstream) as services:
            job_id = await submit_audio(services)
            await leave_as_killed(services, job_id, isolated=True, times=services.settings.max_attempts)
            await run_job(services, job_id, "here", isolated=True)
            assert (await services.jobs.get(job_id)).status == "failed"
