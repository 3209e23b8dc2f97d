"""Embeddings in DynamoDB: none is left whatever is kept while a job ends; DynamoDB is the second net."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator

import pytest

from common.aws import job_items
from common.aws.clients import Clients
from common.aws.dynamo_jobs import DynamoJobs
from common.aws.dynamo_speaker_tasks import DynamoSpeakerTasks
from common.aws.dynamo_voices import DynamoVoices
from common.aws.table import Table
from common.aws.table_requests import Key
from common.jobs import state, text_state
from common.models import Job
from common.ports import LeaseLost, StaleJob
from tests.contract.sample_jobs import NOW, WEEK, cancel, commit, create, sample_job
from tests.emulator import emulator
from tests.stack import stack_of


@pytest.fixture
def table() -> Iterator[Table]:
    with emulator().reached(), stack_of(emulator()) as names:
        yield Table(Clients(), names.table)


async def running(jobs: DynamoJobs) -> Job:
    job = await create(jobs, sample_job())
    await jobs.lease(job.job_id, "me", now=NOW, seconds=30)
    return await commit(jobs, state.start(job, now=NOW))


def after_deletion(table: Table, monkeypatch: pytest.MonkeyPatch, act: Callable[[], Awaitable[None]]) -> None:
    """Act once, between the next deletion of items and what its caller does then."""
    delete = table.delete

    async def delete_then_act(keys: Iterable[Key]) -> None:
        await delete(keys)
        monkeypatch.undo()
        await act()

    monkeypatch.setattr(table, "delete", delete_then_act)


async def test_embeddings_that_are_kept_while_the_job_ends_are_deleted_too(
    table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another function cancels the job; its worker keeps a stretch between the deletion and the commit."""
    jobs, voices = DynamoJobs(table), DynamoVoices(table)
    job = await running(jobs)
    await voices.keep(job.job_id, 0, b"first", holder="me")
    after_deletion(table, monkeypatch, lambda: voices.keep(job.job_id, 1, b"second", holder="me"))
    await commit(jobs, cancel(job))
    assert await voices.kept(job.job_id) == {}
    with pytest.raises(LeaseLost):
        await voices.keep(job.job_id, 2, b"late", holder="me")


async def test_embeddings_that_a_task_keeps_while_it_ends_are_deleted_too(
    table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another function stops the search for speakers; its worker keeps a stretch meanwhile."""
    jobs, voices, tasks = DynamoJobs(table), DynamoVoices(table), DynamoSpeakerTasks(table)
    job = await running(jobs)
    await voices.keep(job.job_id, 0, b"first", holder="me")
    done = state.complete(job, language="es", now=NOW, expires_at=NOW + WEEK)
    job = await commit(jobs, text_state.expect_speakers(done))
    assert await tasks.claim(job.job_id, "you", now=NOW, seconds=30)
    after_deletion(table, monkeypatch, lambda: tasks.keep(job.job_id, 1, b"second", holder="you"))
    await commit(jobs, text_state.drop_speakers(job, now=NOW))
    assert await tasks.kept(job.job_id) == {}
    with pytest.raises(LeaseLost):
        await tasks.keep(job.job_id, 2, b"late", holder="you")
    assert await tasks.due_at(job.job_id, now=NOW + 100) is None


async def test_a_task_is_due_until_somebody_has_it(table: Table) -> None:
    """Once there is one: a job that waits or runs has none."""
    jobs, tasks = DynamoJobs(table), DynamoSpeakerTasks(table)
    job = await running(jobs)
    assert await tasks.claim(job.job_id, "you", now=NOW + 60, seconds=30) is None
    assert await tasks.due_at(job.job_id, now=NOW + 60) is None
    done = state.complete(job, language="es", now=NOW, expires_at=NOW + WEEK)
    await commit(jobs, text_state.expect_speakers(done))
    assert await tasks.due_at(job.job_id, now=NOW) == NOW
    assert await tasks.claim(job.job_id, "you", now=NOW, seconds=30)
    assert await tasks.due_at(job.job_id, now=NOW) is None
    await tasks.give_back(job.job_id, "you", due_at=NOW + 60, attempts=1)
    assert await tasks.due_at(job.job_id, now=NOW) == NOW + 60


async def test_a_stale_end_deletes_nothing(table: Table) -> None:
    jobs, voices = DynamoJobs(table), DynamoVoices(table)
    job = await running(jobs)
    await voices.keep(job.job_id, 0, b"first", holder="me")
    waiting = await commit(jobs, state.wait(job, until=NOW + 5, now=NOW, attempt_counts=False))
    with pytest.raises(StaleJob):
        await commit(jobs, cancel(job))
    assert await voices.kept(job.job_id) == {0: b"first"}
    await commit(jobs, cancel(waiting))
    assert await voices.kept(job.job_id) == {}


async def test_a_stretch_of_hours_takes_several_items_which_end_with_the_jobs_time(table: Table) -> None:
    jobs, voices = DynamoJobs(table), DynamoVoices(table)
    job = await running(jobs)
    long = bytes(range(256)) * 4_000
    await voices.keep(job.job_id, 12, long, holder="me")
    assert await voices.kept(job.job_id) == {12: long}
    assert await voices.count(job.job_id) == 1
    parts = await table.query_partition(f"job#{job.job_id}", prefix=job_items.VOICES)
    assert [part["ttl"] for part in parts] == [int(job.expires_at)] * 3
