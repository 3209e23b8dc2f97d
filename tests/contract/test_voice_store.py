"""What every VoiceStore promises: embeddings by stretch, for the holder alone, gone with the job's end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest

from common.aws.clients import Clients
from common.aws.dynamo_jobs import DynamoJobs
from common.aws.dynamo_voices import DynamoVoices
from common.aws.table import Table
from common.errors import JobNotFound
from common.jobs import state
from common.jobs.events import make_event
from common.local.sqlite.database import Database
from common.local.sqlite.jobs import SqliteJobs
from common.local.sqlite.voices import SqliteVoices
from common.models import Job
from common.ports import JobStore, LeaseLost
from common.postgres.database import Database as PostgresDatabase
from common.postgres.jobs import PostgresJobs
from common.postgres.voices import PostgresVoices
from common.voice_port import VoiceStore
from tests.contract.sample_jobs import NOW, WEEK, cancel, fail, new_id, sample_job, sample_transcript
from tests.emulator import emulator
from tests.postgres import postgres
from tests.stack import stack_of

Stores = tuple[JobStore, VoiceStore]
Open = Callable[[], AbstractAsyncContextManager[Stores]]


@asynccontextmanager
async def sqlite(folder: Path) -> AsyncIterator[Stores]:
    database = Database(folder / "escriba.sqlite3")
    yield SqliteJobs(database), SqliteVoices(database)
    database.close()


@asynccontextmanager
async def in_postgres(_: Path) -> AsyncIterator[Stores]:
    url = await asyncio.to_thread(lambda: postgres().database(template=postgres().migrated))
    database = PostgresDatabase(url)
    yield PostgresJobs(database), PostgresVoices(database)
    await database.close()


@asynccontextmanager
async def in_dynamo(_: Path) -> AsyncIterator[Stores]:
    with emulator().reached(), stack_of(emulator()) as names:
        table = Table(Clients(), names.table)
        yield DynamoJobs(table), DynamoVoices(table)


@pytest.fixture(params=[sqlite, in_postgres, in_dynamo], ids=["sqlite", "postgres", "dynamo"])
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Open:
    return lambda: request.param(tmp_path)


async def running(jobs: JobStore) -> Job:
    job = sample_job()
    await jobs.create(job, make_event(job))
    await jobs.lease(job.job_id, "me", now=NOW, seconds=30)
    return await commit(jobs, state.start(job, now=NOW))


async def commit(jobs: JobStore, job: Job) -> Job:
    await jobs.commit(job, make_event(job), result=sample_transcript() if job.status == "completed" else None)
    return job


async def test_what_is_kept_comes_back_by_stretch(opened: Open) -> None:
    async with opened() as (jobs, voices):
        job = await running(jobs)
        assert await voices.kept(job.job_id) == {}
        assert await voices.count(job.job_id) == 0
        for index, packed in ((3, b"\x00\xff"), (0, b""), (3, b"again" * 100_000)):
            await voices.keep(job.job_id, index, packed, holder="me")
        waiting = await commit(
            jobs, state.wait(job, until=NOW + 5, now=NOW, attempt_counts=False)
        )  # a wait is no end
        assert await voices.kept(waiting.job_id) == {0: b"", 3: b"again" * 100_000}
        assert await voices.count(waiting.job_id) == 2


async def test_only_the_holder_of_the_lease_keeps(opened: Open) -> None:
    async with opened() as (jobs, voices):
        job = await running(jobs)
        with pytest.raises(LeaseLost):
            await voices.keep(job.job_id, 0, b"x", holder="you")
        with pytest.raises(JobNotFound):
            await voices.keep(new_id(), 0, b"x", holder="me")
        assert await voices.kept(job.job_id) == {}


@pytest.mark.parametrize("end", ["completed", "failed", "cancelled"])
async def test_nothing_is_left_when_a_job_ends(opened: Open, end: str) -> None:
    ends = {
        "completed": lambda job: state.complete(
            job, language="es", now=NOW, expires_at=NOW + WEEK, is_cached=False
        ),
        "failed": fail,
        "cancelled": cancel,
    }
    async with opened() as (jobs, voices):
        job, other = await running(jobs), await running(jobs)
        for each in (job, other):
            await voices.keep(each.job_id, 0, b"mine", holder="me")
        await commit(jobs, ends[end](job))
        assert await voices.kept(job.job_id) == {}
        with pytest.raises(LeaseLost):
            await voices.keep(job.job_id, 1, b"late", holder="me")
        assert await voices.kept(other.job_id) == {0: b"mine"}


async def test_nothing_is_left_when_a_job_is_removed(opened: Open) -> None:
    async with opened() as (jobs, voices):
        job = await running(jobs)
        await voices.keep(job.job_id, 0, b"mine", holder="me")
        await jobs.remove(job.job_id)
        assert await voices.kept(job.job_id) == {}
