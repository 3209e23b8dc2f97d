"""What every TaskQueue promises, seen with the store whose jobs it brings."""

from __future__ import annotations

from common.jobs import state
from common.jobs.suspects import is_suspect
from tests.contract.homes import Home
from tests.contract.recordings import NOW, commit, create, ended, queued, suspected

# Seconds; a queue that is a server's counts them itself, while a busy machine is slow to look.
DELAY = 5


async def test_what_was_put_is_brought(home: Home) -> None:
    made = [await create(home.jobs, queued()) for _ in range(3)]
    for job in made:
        await home.tasks.put(job.job_id)
    assert sorted(set(await home.taken(0))) == sorted(job.job_id for job in made)


async def test_a_delay_is_waited_for(home: Home) -> None:
    job = await create(home.jobs, queued())
    await home.tasks.put(job.job_id, delay=DELAY)
    assert await home.taken(0) == []
    assert await home.taken(DELAY) == [job.job_id]


async def test_putting_twice_brings_it_at_least_once(home: Home) -> None:
    job = await create(home.jobs, queued())
    await home.tasks.put(job.job_id)
    await home.tasks.put(job.job_id)
    assert set(await home.taken(0)) == {job.job_id}


async def test_what_a_worker_took_to_its_grave_is_brought_again(home: Home) -> None:
    job = await create(home.jobs, queued())
    await home.tasks.put(job.job_id)
    assert await home.taken(0) == [job.job_id]
    assert await home.taken(0) == []
    await home.worker_dies()
    assert await home.taken(0) == [job.job_id]


async def test_a_job_that_must_wait_is_brought_when_its_time_has_come(home: Home) -> None:
    job = await create(home.jobs, queued())
    await home.tasks.put(job.job_id)
    await home.taken(0)
    running = await commit(home.jobs, state.start(job, now=NOW))
    await commit(home.jobs, state.wait(running, until=NOW + DELAY, now=NOW, attempt_counts=False))
    await home.tasks.put(job.job_id, delay=DELAY)
    await home.jobs.release(job.job_id, "worker")
    assert await home.taken(0) == []
    assert await home.taken(DELAY) == [job.job_id]


async def test_putting_a_job_that_ended_or_is_gone_is_harmless(home: Home) -> None:
    over, gone = [await create(home.jobs, queued()) for _ in range(2)]
    await commit(home.jobs, ended(over))
    await home.jobs.remove(gone.job_id)
    await home.tasks.put(over.job_id)
    await home.tasks.put(gone.job_id)


async def test_a_suspect_is_brought_and_where_jobs_share_a_process_nothing_with_it(home: Home) -> None:
    made = [await create(home.jobs, job) for job in (queued(), suspected(), queued(), suspected())]
    for job in made:
        await home.tasks.put(job.job_id)
    brought: list[str] = []
    while together := await home.taken(0):
        suspects = [job_id for job_id in together if is_suspect(await home.jobs.get(job_id))]
        assert home.isolated or not suspects or len(together) == 1
        brought += together
        for job_id in together:
            await commit(home.jobs, ended(await home.jobs.get(job_id)))
    assert sorted(set(brought)) == sorted(job.job_id for job in made)
