"""Which jobs the minutely round brings back, when the queue may only be slow."""

from __future__ import annotations

import pytest

from common.aws.clients import Clients
from common.aws.dynamo_jobs import DynamoJobs
from common.aws.sqs_tasks import SqsTasks
from common.aws.table import Table
from common.jobs import state
from common.ports import LeaseLost
from tests.aws.world import World
from tests.contract.sample_jobs import NOW, commit, create, sample_job

PATIENCE = 300.0
LATER = NOW + PATIENCE + 60


def store(world: World, *, messages: int) -> DynamoJobs:
    async def ready() -> int:
        return messages

    return DynamoJobs(Table(Clients(), world.names.table), patience=PATIENCE, messages=ready)


@pytest.mark.parametrize(("messages", "lost"), [(0, 3), (2, 1), (3, 0), (9, 0)])
async def test_of_those_that_wait_long_only_as_many_are_lost_as_have_no_message(
    world: World, messages: int, lost: int
) -> None:
    jobs = store(world, messages=messages)
    made = [await create(jobs, sample_job(now=NOW + number)) for number in range(3)]
    found = await jobs.overdue(now=LATER, limit=10)
    assert [job.job_id for job in found] == [job.job_id for job in made[:lost]]


async def test_a_job_whose_worker_fell_silent_is_brought_back_once_however_full_the_queue(
    world: World,
) -> None:
    jobs = store(world, messages=9)
    job = await create(jobs, sample_job())
    await jobs.lease(job.job_id, "silent", now=NOW, seconds=30)
    job = await commit(jobs, state.start(job, now=NOW))
    assert await jobs.overdue(now=NOW + 31, limit=10) == [job]
    await jobs.expect(job.job_id, now=NOW + 31, at=NOW + 31)
    assert await jobs.overdue(now=NOW + 91, limit=10) == []
    with pytest.raises(LeaseLost):
        await jobs.renew(job.job_id, "silent", now=NOW + 91, seconds=30)
    assert await jobs.lease(job.job_id, "next", now=NOW + 92, seconds=30) == job


async def test_a_message_too_many_takes_no_lease_away(world: World) -> None:
    jobs = store(world, messages=0)
    job = await create(jobs, sample_job())
    await jobs.lease(job.job_id, "busy", now=LATER, seconds=30)
    await jobs.expect(job.job_id, now=LATER + 1, at=LATER + 1)
    await jobs.renew(job.job_id, "busy", now=LATER + 2, seconds=30)


async def test_only_messages_that_lie_there_are_counted_for_those_that_wait(world: World) -> None:
    jobs = store(world, messages=0)
    tasks = SqsTasks(Clients(), world.names.queue, now=lambda: NOW, expect=jobs.expect)
    for delay in (0, 0, 600):
        await tasks.put((await create(jobs, sample_job())).job_id, delay=delay)
    assert (await tasks.ready(), await tasks.backlog()) == (2, 3)
    world.messages()
    assert (await tasks.ready(), await tasks.backlog()) == (0, 3)
