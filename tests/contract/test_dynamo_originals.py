"""The engine's text in DynamoDB: none is left of a text that was erased, and it lives as long as the job."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from common.aws import job_items
from common.aws.clients import Clients
from common.aws.dynamo_jobs import DynamoJobs
from common.aws.table import Table
from common.aws.table_requests import Item
from common.jobs import state, text_state
from common.models import Job
from tests.contract.sample_jobs import NOW, WEEK, commit, create, event_of, sample_job, sample_transcript
from tests.emulator import emulator
from tests.stack import stack_of


@pytest.fixture
def table() -> Iterator[Table]:
    with emulator().reached(), stack_of(emulator()) as names:
        yield Table(Clients(), names.table)


async def completed(jobs: DynamoJobs) -> Job:
    running = await commit(jobs, state.start(await create(jobs, sample_job()), now=NOW))
    done = state.complete(running, language="es", now=NOW, expires_at=NOW + WEEK)
    await jobs.commit(done, event_of(done), result=sample_transcript())
    return done


async def test_a_text_that_is_erased_while_it_is_corrected_leaves_nothing(
    table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs = DynamoJobs(table)
    job = await completed(jobs)
    query = table.query_partition

    async def erase_then_answer(pk: str, *, prefix: str = "") -> list[Item]:
        parts = await query(pk, prefix=prefix)
        monkeypatch.undo()
        await jobs.erase_text(job.job_id)
        return parts

    monkeypatch.setattr(table, "query_partition", erase_then_answer)
    await jobs.keep_original(job.job_id)
    assert await jobs.result(job.job_id, original=True) is None


async def test_an_original_stays_as_long_as_the_corrections_prolong_the_job(table: Table) -> None:
    jobs = DynamoJobs(table)
    job = await completed(jobs)
    await jobs.keep_original(job.job_id)
    later = text_state.correct(job, now=NOW, expires_at=NOW + 60 * 86_400)
    await jobs.commit(later, event_of(later), result=sample_transcript("corrected"))
    await jobs.keep_original(job.job_id)
    (part,) = await table.query_partition(f"job#{job.job_id}", prefix=job_items.ORIGINAL)
    assert part["ttl"] == job_items.ttl_of(later.expires_at)
