"""Which jobs the sweep brings back, when the queue may only be slow."""

from __future__ import annotations

import pytest

from common.aws.clients import Clients
from common.aws.dynamo_jobs import DynamoJobs
from common.aws.dynamo_speaker_tasks import DynamoSpeakerTasks
from common.aws.sqs_queue import SqsQueue
from common.aws.table import Table
from common.jobs import state, text_state
from common.ports import LeaseLost
from tests.aws.world import World
from tests.contract.sample_jobs import NOW, WEEK, commit, create, sample_job

LOST_AFTER = 300.0
LATER = NOW + LOST_AFTER + 60


def store(world: World, *, messages: int) -> DynamoJobs:
    async def count_messages() -> int:
        return messages

    table = Table(Clients(), world.names.table)
    return DynamoJobs(table, lost_after=LOST_AFTER, count_messages=count_messages)


@pytest.mark.parametrize(("messages", "lost"), [(0, 3), (2, 1), (3, 0), (9, 0)])
async def test_of_jobs_that_wait_long_as_many_are_lost_as_there_are_messages_too_few(
    world: World, messages: int, lost: int
) -> None:
    jobs = store(world, messages=messages)
    waiting = [await create(jobs, sample_job(now=NOW + number)) for number in range(3)]
    overdue = await jobs.overdue(now=LATER, limit=10)
    assert [job.job_id for job in overdue] == [job.job_id for job in waiting[:lost]]


async def test_a_job_whose_worker_died_is_brought_back_once_however_full_the_queue(world: World) -> None:
    jobs = store(world, messages=9)
    job = await create(jobs, sample_job())
    await jobs.lease(job.job_id, "dead", now=NOW, seconds=30)
    job = await commit(jobs, state.start(job, now=NOW))
    assert await jobs.overdue(now=NOW + 31, limit=10) == [job]
    await jobs.note_message(job.job_id, now=NOW + 31, due_at=NOW + 31)
    assert await jobs.overdue(now=NOW + 91, limit=10) == []
    with pytest.raises(LeaseLost):
        await jobs.renew(job.job_id, "dead", now=NOW + 91, seconds=30)
    assert await jobs.lease(job.job_id, "next", now=NOW + 92, seconds=30) == job


async def test_a_completed_job_is_brought_back_for_its_speakers_alone(world: World) -> None:
    jobs, tasks = store(world, messages=0), DynamoSpeakerTasks(Table(Clients(), world.names.table))
    job = state.start(await create(jobs, sample_job()), now=NOW)
    done = state.complete(await commit(jobs, job), language="es", now=NOW, expires_at=NOW + WEEK)
    job = await commit(jobs, text_state.expect_speakers(done))
    assert await jobs.overdue(now=NOW + 60, limit=10) == []
    assert await jobs.overdue(now=LATER, limit=10) == [job]
    await jobs.note_message(job.job_id, now=LATER, due_at=LATER)
    assert await jobs.overdue(now=LATER + 60, limit=10) == []
    assert await tasks.claim(job.job_id, "dead", now=LATER + 60, seconds=30)
    assert await jobs.overdue(now=LATER + 89, limit=10) == []
    assert await jobs.overdue(now=LATER + 91, limit=10) == [job]
    await commit(jobs, text_state.end_listening(job, now=LATER + 91))
    assert await jobs.overdue(now=LATER * 2, limit=10) == []


async def test_a_message_too_many_takes_no_lease_away(world: World) -> None:
    jobs = store(world, messages=0)
    job = await create(jobs, sample_job())
    await jobs.lease(job.job_id, "busy", now=LATER, seconds=30)
    await jobs.note_message(job.job_id, now=LATER + 1, due_at=LATER + 1)
    await jobs.renew(job.job_id, "busy", now=LATER + 2, seconds=30)


async def test_only_messages_that_a_worker_could_receive_now_count_for_jobs_that_wait(world: World) -> None:
    jobs = store(world, messages=0)
    queue = SqsQueue(Clients(), world.names.queue, now=lambda: NOW, note_message=jobs.note_message)
    for delay in (0, 0, 600):
        await queue.put((await create(jobs, sample_job())).job_id, delay=delay)
    assert (await queue.count_ready(), await queue.backlog()) == (2, 3)
    world.messages()
    assert (await queue.count_ready(), await queue.backlog()) == (0, 3)
