"""What every Subscribers promises to publishers and listeners, tested with the store behind it."""

from __future__ import annotations

import asyncio
import time

from common.jobs import state
from common.models import Job, JobEvent
from common.subscribers_port import Listener
from tests.contract.sample_jobs import NOW, cancel, commit, create, event_of, sample_job
from tests.contract.targets import DeploymentTarget


async def change(target: DeploymentTarget, job: Job) -> Job:
    """Commit and publish, as `commit_job` does."""
    await commit(target.jobs, job)
    await target.subscribers.publish(event_of(job))
    return job


async def events(target: DeploymentTarget, listener: Listener, job: Job, *, after: int) -> list[JobEvent]:
    """What the listener has, or else the store: all events in either case."""
    known = listener.events_after(after)
    return await target.jobs.events(job.job_id, after=after) if known is None else known


async def test_publishing_without_a_listener_is_harmless_and_quick(target: DeploymentTarget) -> None:
    job = await create(target.jobs, sample_job())
    began = time.monotonic()
    await target.subscribers.publish(event_of(job))
    assert time.monotonic() - began < 30


async def test_a_listener_finds_every_change_in_order(target: DeploymentTarget) -> None:
    job = await create(target.jobs, sample_job())
    with target.subscribers.listen(job.job_id) as listener:
        first = await change(target, state.start(job, now=NOW))
        await listener.wait(0.2)
        first_events = await events(target, listener, job, after=job.seq)
        planned = await change(target, state.plan(first, pieces=1, done=0, now=NOW))
        last = await change(target, cancel(planned))
        await listener.wait(0.2)
        later_events = await events(target, listener, job, after=first.seq)
    assert [event.seq for event in first_events] == [first.seq]
    assert [event.seq for event in later_events] == [planned.seq, last.seq]
    assert later_events[-1].job.status == "cancelled"


async def test_an_event_ends_the_wait_or_is_found_after_it(target: DeploymentTarget) -> None:
    job = await create(target.jobs, sample_job())
    with target.subscribers.listen(job.job_id) as listener:
        waiting = asyncio.create_task(listener.wait(1))
        await asyncio.sleep(0.05)
        await change(target, cancel(job))
        await waiting
        found = await events(target, listener, job, after=job.seq)
        assert [event.seq for event in found] == [job.seq + 1]


async def test_a_wait_without_an_event_ends_with_its_time_and_returns_false(target: DeploymentTarget) -> None:
    job = await create(target.jobs, sample_job())
    with target.subscribers.listen(job.job_id) as listener:
        began = time.monotonic()
        assert await listener.wait(0.2) is False
        assert time.monotonic() - began < 30
        assert not listener.is_closing


async def test_a_listener_gets_no_events_of_other_jobs(target: DeploymentTarget) -> None:
    job, other = [await create(target.jobs, sample_job()) for _ in range(2)]
    with target.subscribers.listen(job.job_id) as listener:
        await change(target, cancel(other))
        assert await events(target, listener, job, after=job.seq) == []


async def test_all_listeners_of_a_job_find_the_same_events(target: DeploymentTarget) -> None:
    job = await create(target.jobs, sample_job())
    listen = target.subscribers.listen
    with listen(job.job_id) as first, listen(job.job_id) as second:
        await change(target, cancel(job))
        found = await events(target, first, job, after=job.seq)
        assert found == await events(target, second, job, after=job.seq) != []


async def test_a_listener_that_must_stop_knows_it_and_waits_no_more(target: DeploymentTarget) -> None:
    job = await create(target.jobs, sample_job())
    with target.subscribers.listen(job.job_id) as listener:
        await target.close_listeners()
        assert listener.is_closing
        began = time.monotonic()
        assert await listener.wait(60) is True
        assert time.monotonic() - began < 30


async def test_a_listener_that_ends_makes_room_for_another(target: DeploymentTarget) -> None:
    job = await create(target.jobs, sample_job())
    for _ in range(30):  # far more than may listen at once
        with target.subscribers.listen(job.job_id) as listener:
            listener.on_sent()
