"""What every Subscribers promises to who publishes and to who listens, seen with the store behind it."""

from __future__ import annotations

import asyncio
import time

from common.jobs import state
from common.models import Job, JobEvent
from common.ports import Listener
from tests.contract.homes import Home
from tests.contract.recordings import NOW, commit, create, ended, event, queued


async def told(home: Home, job: Job) -> Job:
    """Commit and publish, as every change of a job is."""
    await commit(home.jobs, job)
    await home.subscribers.publish(event(job))
    return job


async def found(home: Home, listener: Listener, job: Job, *, after: int) -> list[JobEvent]:
    """What a listener tells, or else the store: in either case all that came."""
    events = listener.since(after)
    return await home.jobs.events(job.job_id, after=after) if events is None else events


async def test_publishing_what_nobody_watches_is_harmless_and_quick(home: Home) -> None:
    job = await create(home.jobs, queued())
    began = time.monotonic()
    await home.subscribers.publish(event(job))
    assert time.monotonic() - began < 5


async def test_a_listener_finds_every_change_in_order(home: Home) -> None:
    job = await create(home.jobs, queued())
    with home.subscribers.listen(job.job_id) as listener:
        first = await told(home, state.start(job, now=NOW))
        await listener.news(0.2)
        begun = await found(home, listener, job, after=job.seq)
        await told(home, state.plan(first, pieces=1, done=0, now=NOW))
        last = await told(home, ended(state.plan(first, pieces=1, done=0, now=NOW)))
        await listener.news(0.2)
        rest = await found(home, listener, job, after=first.seq)
    assert [one.seq for one in begun] == [first.seq]
    assert [one.seq for one in rest] == [first.seq + 1, last.seq]
    assert rest[-1].job.status == "cancelled"


async def test_news_that_come_while_one_waits_end_the_wait_or_are_found_after_it(home: Home) -> None:
    job = await create(home.jobs, queued())
    with home.subscribers.listen(job.job_id) as listener:
        waiting = asyncio.create_task(listener.news(1))
        await asyncio.sleep(0.05)
        await told(home, ended(job))
        await waiting
        assert [one.seq for one in await found(home, listener, job, after=job.seq)] == [job.seq + 1]


async def test_a_wait_without_news_ends_with_its_time_and_says_so(home: Home) -> None:
    job = await create(home.jobs, queued())
    with home.subscribers.listen(job.job_id) as listener:
        began = time.monotonic()
        assert await listener.news(0.2) is False
        assert time.monotonic() - began < 2
        assert not listener.closing


async def test_who_listens_to_one_job_is_told_of_no_other(home: Home) -> None:
    job, other = [await create(home.jobs, queued()) for _ in range(2)]
    with home.subscribers.listen(job.job_id) as listener:
        await told(home, ended(other))
        assert await found(home, listener, job, after=job.seq) == []


async def test_all_who_listen_to_a_job_find_the_same(home: Home) -> None:
    job = await create(home.jobs, queued())
    with home.subscribers.listen(job.job_id) as one, home.subscribers.listen(job.job_id) as two:
        await told(home, ended(job))
        assert await found(home, one, job, after=job.seq) == await found(home, two, job, after=job.seq) != []


async def test_when_the_time_is_up_a_listener_knows_and_waits_no_more(home: Home) -> None:
    job = await create(home.jobs, queued())
    with home.subscribers.listen(job.job_id) as listener:
        await home.time_is_up()
        assert listener.closing
        began = time.monotonic()
        assert await listener.news(30) is True
        assert time.monotonic() - began < 2


async def test_a_place_is_given_back_however_it_was_used(home: Home) -> None:
    job = await create(home.jobs, queued())
    for _ in range(30):
        with home.subscribers.listen(job.job_id) as listener:
            listener.on_sent()
