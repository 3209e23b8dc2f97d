"""What every SpeakerTasks promises: a task as long as a job awaits speakers, one holder, no voice left."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import pytest

from common.aws.clients import Clients
from common.aws.dynamo_jobs import DynamoJobs
from common.aws.dynamo_speaker_tasks import DynamoSpeakerTasks
from common.aws.dynamo_voices import DynamoVoices
from common.aws.table import Table
from common.jobs import state, text_state
from common.jobs.events import make_event
from common.jobs.needless_audio import is_audio_needless
from common.local.sqlite.database import Database
from common.local.sqlite.jobs import SqliteJobs
from common.local.sqlite.speaker_tasks import SqliteSpeakerTasks
from common.local.sqlite.voices import SqliteVoices
from common.models import Job
from common.ports import Holdings, JobStore, LeaseLost
from common.postgres.database import Database as PostgresDatabase
from common.postgres.jobs import PostgresJobs
from common.postgres.speaker_tasks import PostgresSpeakerTasks
from common.postgres.voices import PostgresVoices
from common.speaker_tasks_port import DueSpeakerTasks, SpeakerTask, SpeakerTasks
from common.stores import ContainerJobs
from common.voice_port import VoiceStore
from tests.contract.sample_jobs import NOW, WEEK, sample_job, sample_transcript
from tests.emulator import emulator
from tests.postgres import postgres
from tests.stack import stack_of

Claim = Callable[[str, float], Awaitable[SpeakerTask | None]]


@dataclass(frozen=True)
class Stores:
    """`claims`: as two processes take up the task that is due next."""

    jobs: JobStore
    voices: VoiceStore
    tasks: SpeakerTasks
    claims: tuple[Claim, Claim]

    async def claim(self, holder: str = "me", *, now: float = NOW) -> SpeakerTask | None:
        return await self.claims[0](holder, now)


Open = Callable[[], AbstractAsyncContextManager[Stores]]


def claim_of(tasks: DueSpeakerTasks) -> Claim:
    return lambda holder, now: tasks.claim(holder, now=now, seconds=30)


def claim_overdue(jobs: DynamoJobs, tasks: DynamoSpeakerTasks) -> Claim:
    """The sweep finds jobs that are due, messages bring them, and a worker claims each by its id."""

    async def claim(holder: str, now: float) -> SpeakerTask | None:
        for job in await jobs.overdue(now=now, limit=10):
            if task := await tasks.claim(job.job_id, holder, now=now, seconds=30):
                return task
        return None

    return claim


@asynccontextmanager
async def sqlite(folder: Path) -> AsyncIterator[Stores]:
    databases = [Database(folder / "escriba.sqlite3", busy_timeout=60) for _ in range(2)]
    first, second = databases
    tasks, other_tasks = SqliteSpeakerTasks(first), SqliteSpeakerTasks(second)
    claims = claim_of(tasks), claim_of(other_tasks)
    yield Stores(SqliteJobs(first), SqliteVoices(first), tasks, claims)
    for each in databases:
        each.close()


@asynccontextmanager
async def in_postgres(_: Path) -> AsyncIterator[Stores]:
    url = await asyncio.to_thread(lambda: postgres().database(template=postgres().migrated))
    databases = [PostgresDatabase(url) for _ in range(2)]
    first, second = databases
    tasks, other_tasks = PostgresSpeakerTasks(first), PostgresSpeakerTasks(second)
    claims = claim_of(tasks), claim_of(other_tasks)
    yield Stores(PostgresJobs(first), PostgresVoices(first), tasks, claims)
    for each in databases:
        await each.close()


@asynccontextmanager
async def in_dynamo(_: Path) -> AsyncIterator[Stores]:
    with emulator().reached(), stack_of(emulator()) as names:
        tables = [Table(Clients(), names.table) for _ in range(2)]
        jobs, other_jobs = (DynamoJobs(table, lost_after=0) for table in tables)
        tasks, other_tasks = (DynamoSpeakerTasks(table) for table in tables)
        claims = claim_overdue(jobs, tasks), claim_overdue(other_jobs, other_tasks)
        yield Stores(jobs, DynamoVoices(tables[0]), tasks, claims)


@pytest.fixture(params=[sqlite, in_postgres], ids=["sqlite", "postgres"])
def opened_sql(request: pytest.FixtureRequest, tmp_path: Path) -> Open:
    return lambda: request.param(tmp_path)


@pytest.fixture(params=[sqlite, in_postgres, in_dynamo], ids=["sqlite", "postgres", "dynamo"])
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Open:
    return lambda: request.param(tmp_path)


async def complete(stores: Stores, *, client: str | None = None, voices: int = 0) -> Job:
    """A job whose text is there, and whose speakers are to come; its run had kept so many stretches."""
    job = sample_job(client=client)
    await stores.jobs.create(job, make_event(job))
    await stores.jobs.lease(job.job_id, "worker", now=NOW, seconds=30)
    job = await commit(stores, state.start(job, now=NOW))
    for index in range(voices):
        await stores.voices.keep(job.job_id, index, bytes([index]), holder="worker")
    done = state.complete(job, language="es", now=NOW, expires_at=NOW + WEEK)
    return await commit(stores, text_state.expect_speakers(done))


async def commit(stores: Stores, job: Job) -> Job:
    await stores.jobs.commit(job, make_event(job), result=sample_transcript() if job.has_ended else None)
    return job


async def test_a_job_that_awaits_speakers_has_a_task_and_no_other_has_one(opened: Open) -> None:
    async with opened() as stores:
        ordinary = sample_job()
        await stores.jobs.create(ordinary, make_event(ordinary))
        assert await stores.claim() is None
        job = await complete(stores)
        assert await stores.claim() == SpeakerTask(job.job_id, attempts=1)
        assert await stores.claim("you") is None
        assert not is_audio_needless(job)
        job = await commit(stores, text_state.end_listening(job, now=NOW))
        assert await stores.claim(now=NOW + 100) is None
        assert is_audio_needless(job)


async def test_the_container_keeps_the_recording_of_a_task(opened_sql: Open) -> None:
    async with opened_sql() as stores:
        job = await complete(stores)
        jobs = cast("ContainerJobs", stores.jobs)
        assert await jobs.needing_audio([job.job_id]) == {job.job_id}
        await commit(stores, text_state.end_listening(job, now=NOW))
        assert await jobs.needing_audio([job.job_id]) == set()


async def test_of_many_claims_at_once_one_gets_the_task(opened: Open) -> None:
    async with opened() as stores:
        await complete(stores)
        claims = [claim(f"{n}", NOW) for n in range(8) for claim in stores.claims]
        assert len([task for task in await asyncio.gather(*claims) if task]) == 1


async def test_a_lease_that_ended_is_claimed_by_another_and_the_first_may_do_nothing_more(
    opened: Open,
) -> None:
    async with opened() as stores:
        job_id = (await complete(stores)).job_id
        await stores.claim()
        await stores.tasks.renew(job_id, "me", now=NOW + 20, seconds=30)
        assert await stores.claim("you", now=NOW + 31) is None
        assert await stores.claim("you", now=NOW + 51) == SpeakerTask(job_id, attempts=2)
        for late in (
            stores.tasks.renew(job_id, "me", now=NOW + 52, seconds=30),
            stores.tasks.keep(job_id, 0, b"late", holder="me"),
            stores.tasks.give_back(job_id, "me", due_at=NOW, attempts=0),
        ):
            with pytest.raises(LeaseLost):
                await late
        assert await stores.tasks.kept(job_id) == {}


async def test_a_dead_process_holds_nothing(opened_sql: Open) -> None:
    async with opened_sql() as stores:
        job_id = (await complete(stores)).job_id
        await stores.claim()
        await cast("DueSpeakerTasks", stores.tasks).release_all(["me"])
        assert await stores.claim("you") == SpeakerTask(job_id, attempts=2)


async def test_a_task_that_is_given_back_waits_for_its_time(opened: Open) -> None:
    async with opened() as stores:
        job_id = (await complete(stores)).job_id
        await stores.claim()
        await stores.tasks.give_back(job_id, "me", due_at=NOW + 60, attempts=1)
        assert await stores.claim(now=NOW + 59) is None
        assert await stores.claim(now=NOW + 60) == SpeakerTask(job_id, attempts=2)


async def test_a_clock_that_steps_back_keeps_no_task_from_being_run(opened: Open) -> None:
    async with opened() as stores:
        job_id = (await complete(stores)).job_id
        await stores.claim(now=NOW + 1000)
        assert await stores.claim("you") == SpeakerTask(job_id, attempts=2)
        await stores.tasks.give_back(job_id, "you", due_at=NOW + WEEK, attempts=2)
        assert await stores.claim() == SpeakerTask(job_id, attempts=3)


async def test_after_a_stretch_was_kept_the_next_claim_is_the_first_attempt(opened: Open) -> None:
    async with opened() as stores:
        job_id = (await complete(stores)).job_id
        for now in (NOW, NOW + 40):
            await stores.claim(now=now)
        await stores.tasks.keep(job_id, 0, b"x", holder="me")
        assert await stores.claim("you", now=NOW + 80) == SpeakerTask(job_id, attempts=1)


async def test_what_the_run_of_the_job_kept_is_the_task_s(opened: Open) -> None:
    async with opened() as stores:
        job_id = (await complete(stores, voices=2)).job_id
        assert await stores.tasks.kept(job_id) == {0: b"\x00", 1: b"\x01"}
        await stores.claim()
        for packed in (b"once", b"again" * 50_000):
            await stores.tasks.keep(job_id, 2, packed, holder="me")
        assert (await stores.tasks.kept(job_id))[2] == b"again" * 50_000


async def test_the_run_of_the_job_may_keep_nothing_more(opened: Open) -> None:
    async with opened() as stores:
        job_id = (await complete(stores)).job_id
        with pytest.raises(LeaseLost):
            await stores.voices.keep(job_id, 0, b"late", holder="worker")
        assert await stores.tasks.kept(job_id) == {}


END = {
    "speakers": lambda job: text_state.end_listening(job, now=NOW),
    "dropped": lambda job: text_state.drop_speakers(job, now=NOW),
    "erased": lambda job: state.erase(job, now=NOW, forget_at=NOW + WEEK),
}


@pytest.mark.parametrize("end", [*END, "removed"])
async def test_no_voice_is_left_however_it_ends(opened: Open, end: str) -> None:
    async with opened() as stores:
        job, other = await complete(stores, voices=1), await complete(stores, voices=1)
        if end == "removed":
            await stores.jobs.remove(job.job_id)
        else:
            await commit(stores, END[end](job))
        assert await stores.tasks.kept(job.job_id) == {}
        assert await stores.tasks.kept(other.job_id) == {0: b"\x00"}
        assert await stores.claim() == SpeakerTask(other.job_id, attempts=1)
        assert await stores.claim() is None


async def test_progress_and_corrections_leave_the_task_as_it_is(opened: Open) -> None:
    async with opened() as stores:
        job = await complete(stores, voices=1)
        await stores.claim()
        job = await commit(stores, text_state.report_listening(job, share=0.5, now=NOW))
        job = await commit(stores, text_state.correct(job, now=NOW, expires_at=NOW + WEEK))
        assert await stores.claim("you") is None
        await stores.tasks.renew(job.job_id, "me", now=NOW, seconds=30)
        assert await stores.tasks.kept(job.job_id) == {0: b"\x00"}


async def test_a_recording_that_is_still_needed_counts_as_its_client_s(opened: Open) -> None:
    async with opened() as stores:
        job = await complete(stores, client="ana")
        assert job.audio
        assert await stores.jobs.held_by("ana") == Holdings(stored_bytes=job.audio.size_bytes)
        job = await commit(stores, text_state.report_listening(job, share=0.5, now=NOW))
        await commit(stores, text_state.end_listening(job, now=NOW))
        assert await stores.jobs.held_by("ana") == Holdings()
