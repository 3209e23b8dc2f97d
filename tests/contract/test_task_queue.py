"""What every TaskQueue promises, tested with the store whose jobs it brings."""

from __future__ import annotations

from common.jobs import state
from common.jobs.suspects import is_suspect
from tests.contract.sample_jobs import NOW, cancel, commit, create, sample_job, sample_suspect
from tests.contract.targets import DeploymentTarget

# Seconds; a queue on a server counts them itself, and a busy machine is slow to look.
DELAY = 5


async def test_a_job_that_was_put_reaches_a_worker(target: DeploymentTarget) -> None:
    jobs = [await create(target.jobs, sample_job()) for _ in range(3)]
    for job in jobs:
        await target.queue.put(job.job_id)
    assert sorted(set(await target.claim_all(0))) == sorted(job.job_id for job in jobs)


async def test_a_job_of_a_client_reaches_a_worker(target: DeploymentTarget) -> None:
    job = await create(target.jobs, sample_job(client="key:1a2b3c4d"))
    await target.queue.put(job.job_id, client=job.client)
    assert await target.claim_all(0) == [job.job_id]


async def test_a_client_with_many_jobs_delays_another_by_none_that_has_not_begun(
    target: DeploymentTarget,
) -> None:
    """On AWS, SQS itself keeps such an order, among many messages at once."""
    if target.isolated:
        return
    greedy = [
        await create(target.jobs, sample_job(client="greedy", user_id=f"user-{n}", now=NOW + n))
        for n in range(5)
    ]
    modest = [await create(target.jobs, sample_job(client="modest", now=NOW + 10 + n)) for n in range(2)]
    order = await target.claim_all(20)
    expected = [greedy[0], modest[0], greedy[1], modest[1], *greedy[2:]]
    assert order == [job.job_id for job in expected]


async def test_a_client_with_long_recordings_delays_one_with_short_ones_by_a_single_job(
    target: DeploymentTarget,
) -> None:
    if target.isolated:
        return
    long = [
        await create(target.jobs, sample_job(client="long", size_bytes=50_000_000, now=NOW + n))
        for n in range(2)
    ]
    short = [await create(target.jobs, sample_job(client="short", now=NOW + 10 + n)) for n in range(5)]
    order: list[str] = []
    for _ in range(7):
        (first,) = await target.claim_some(20 if not order else 0, 1)
        order.append(first)
        job = await target.jobs.get(first)
        await commit(target.jobs, cancel(job))
    expected = [long[0], *short, long[1]]
    assert order == [job.job_id for job in expected]


async def test_a_queue_that_can_be_listed_shows_the_jobs_that_no_worker_has(target: DeploymentTarget) -> None:
    first, second = [
        await create(target.jobs, sample_job(client="a", user_id="u", size_bytes=n, now=NOW - 9 + n))
        for n in (1, 2)
    ]
    listed = await target.queue.waiting(limit=10)
    if target.isolated:
        assert listed is None
        return
    assert listed is not None
    found = [(job.job_id, job.client, job.due_at, job.size_bytes, bool(job.is_first_run)) for job in listed]
    assert found == [(job.job_id, "a", job.updated_at, size, True) for job, size in ((first, 1), (second, 2))]
    await target.claim_some(20, 1)
    assert [job.job_id for job in await target.queue.waiting(limit=10) or ()] == [second.job_id]


async def test_the_users_of_one_client_take_turns(target: DeploymentTarget) -> None:
    if target.isolated:
        return
    ana = [await create(target.jobs, sample_job(client="page", user_id="ana", now=NOW + n)) for n in range(3)]
    eva = await create(target.jobs, sample_job(client="page", user_id="eva", now=NOW + 10))
    order = await target.claim_all(20)
    assert order == [job.job_id for job in (ana[0], eva, *ana[1:])]


async def test_a_job_with_a_delay_reaches_no_worker_before_it_is_over(target: DeploymentTarget) -> None:
    job = await create(target.jobs, sample_job())
    await target.queue.put(job.job_id, delay=DELAY)
    assert await target.claim_all(0) == []
    assert await target.claim_all(DELAY) == [job.job_id]


async def test_a_job_that_was_put_twice_reaches_a_worker_at_least_once(target: DeploymentTarget) -> None:
    job = await create(target.jobs, sample_job())
    await target.queue.put(job.job_id)
    await target.queue.put(job.job_id)
    assert set(await target.claim_all(0)) == {job.job_id}


async def test_the_job_of_a_killed_worker_reaches_another(target: DeploymentTarget) -> None:
    job = await create(target.jobs, sample_job())
    await target.queue.put(job.job_id)
    assert await target.claim_all(0) == [job.job_id]
    assert await target.claim_all(0) == []
    await target.kill_worker()
    assert await target.claim_all(0) == [job.job_id]


async def test_a_job_that_waits_reaches_a_worker_at_its_time(target: DeploymentTarget) -> None:
    job = await create(target.jobs, sample_job())
    await target.queue.put(job.job_id)
    await target.claim_all(0)
    running = await commit(target.jobs, state.start(job, now=NOW))
    await commit(target.jobs, state.wait(running, until=NOW + DELAY, now=NOW, attempt_counts=False))
    await target.queue.put(job.job_id, delay=DELAY)
    await target.jobs.release(job.job_id, "worker")
    assert await target.claim_all(0) == []
    assert await target.claim_all(DELAY) == [job.job_id]


async def test_putting_a_job_that_ended_or_was_removed_is_harmless(target: DeploymentTarget) -> None:
    cancelled, removed = [await create(target.jobs, sample_job()) for _ in range(2)]
    await commit(target.jobs, cancel(cancelled))
    await target.jobs.remove(removed.job_id)
    await target.queue.put(cancelled.job_id)
    await target.queue.put(removed.job_id)


async def test_where_jobs_share_a_process_a_suspect_reaches_a_worker_alone(target: DeploymentTarget) -> None:
    new = (sample_job(), sample_suspect(), sample_job(), sample_suspect())
    jobs = [await create(target.jobs, job) for job in new]
    for job in jobs:
        await target.queue.put(job.job_id)
    claimed: list[str] = []
    while batch := await target.claim_all(0):
        suspects = [job_id for job_id in batch if is_suspect(await target.jobs.get(job_id))]
        assert target.isolated or not suspects or len(batch) == 1
        claimed += batch
        for job_id in batch:
            await commit(target.jobs, cancel(await target.jobs.get(job_id)))
    assert sorted(set(claimed)) == sorted(job.job_id for job in jobs)
