"""What every JobStore promises about leases, and about jobs that nobody runs."""

from __future__ import annotations

import asyncio

import pytest

from common.jobs import state
from common.models import Job
from common.ports import JobStore, LeaseLost
from tests.contract.sample_jobs import NOW, cancel, commit, create, sample_job, sample_pending_job
from tests.contract.targets import DeploymentTarget

HOUR = 3600.0


async def test_a_lease_returns_the_job_and_keeps_other_holders_out(jobs: JobStore) -> None:
    job = await create(jobs, sample_job())
    assert await jobs.lease(job.job_id, "me", now=NOW, seconds=30) == job
    for now in (NOW, NOW + 29.9):
        with pytest.raises(LeaseLost):
            await jobs.lease(job.job_id, "you", now=now, seconds=30)
    assert await jobs.get(job.job_id) == job


async def test_an_expired_lease_may_be_taken_and_its_holder_loses_it(jobs: JobStore) -> None:
    job = await create(jobs, sample_job())
    await jobs.lease(job.job_id, "me", now=NOW, seconds=30)
    assert await jobs.lease(job.job_id, "you", now=NOW + 30, seconds=30) == job
    with pytest.raises(LeaseLost):
        await jobs.renew(job.job_id, "me", now=NOW + 31, seconds=30)
    with pytest.raises(LeaseLost):
        await jobs.lease(job.job_id, "me", now=NOW + 31, seconds=30)
    await jobs.release(job.job_id, "me")  # changes nothing: it is not mine any more
    await jobs.renew(job.job_id, "you", now=NOW + 31, seconds=30)


async def test_a_holder_may_take_its_lease_again_for_longer(jobs: JobStore) -> None:
    job = await create(jobs, sample_job())
    await jobs.lease(job.job_id, "me", now=NOW, seconds=30)
    await jobs.lease(job.job_id, "me", now=NOW + 20, seconds=30)
    with pytest.raises(LeaseLost):
        await jobs.lease(job.job_id, "you", now=NOW + 40, seconds=30)


async def test_a_renewed_lease_lasts_longer(jobs: JobStore) -> None:
    job = await create(jobs, sample_job())
    await jobs.lease(job.job_id, "me", now=NOW, seconds=30)
    await jobs.renew(job.job_id, "me", now=NOW + 20, seconds=30)
    with pytest.raises(LeaseLost):
        await jobs.lease(job.job_id, "you", now=NOW + 49, seconds=30)
    await jobs.lease(job.job_id, "you", now=NOW + 50, seconds=30)


async def test_an_expired_lease_may_be_renewed_while_nobody_has_taken_it(jobs: JobStore) -> None:
    job = await create(jobs, sample_job())
    await jobs.lease(job.job_id, "me", now=NOW, seconds=30)
    await jobs.renew(job.job_id, "me", now=NOW + 300, seconds=30)
    with pytest.raises(LeaseLost):
        await jobs.lease(job.job_id, "you", now=NOW + 301, seconds=30)


async def test_only_a_holder_can_renew(jobs: JobStore) -> None:
    job = await create(jobs, sample_job())
    with pytest.raises(LeaseLost):
        await jobs.renew(job.job_id, "me", now=NOW, seconds=30)


async def test_a_released_lease_may_be_taken_at_once(jobs: JobStore) -> None:
    job = await create(jobs, sample_job())
    await jobs.lease(job.job_id, "me", now=NOW, seconds=30)
    await jobs.release(job.job_id, "me")
    await jobs.release(job.job_id, "me")
    await jobs.lease(job.job_id, "you", now=NOW, seconds=30)
    with pytest.raises(LeaseLost):
        await jobs.renew(job.job_id, "me", now=NOW, seconds=30)


async def test_a_job_that_has_ended_can_be_neither_leased_nor_renewed(jobs: JobStore) -> None:
    job = await create(jobs, sample_job())
    await jobs.lease(job.job_id, "me", now=NOW, seconds=30)
    await commit(jobs, cancel(job))
    with pytest.raises(LeaseLost):
        await jobs.renew(job.job_id, "me", now=NOW, seconds=30)
    with pytest.raises(LeaseLost):
        await jobs.lease(job.job_id, "me", now=NOW, seconds=30)


async def test_the_next_run_of_a_job_can_be_leased_by_anybody(jobs: JobStore) -> None:
    job = await create(jobs, sample_job())
    await jobs.lease(job.job_id, "me", now=NOW, seconds=30)
    cancelled = await commit(jobs, cancel(job))
    again = await commit(jobs, state.retry(cancelled, now=NOW, expires_at=NOW + HOUR, has_audio=True))
    assert await jobs.lease(job.job_id, "you", now=NOW, seconds=30) == again
    with pytest.raises(LeaseLost):
        await jobs.renew(job.job_id, "me", now=NOW, seconds=30)


async def test_a_commit_that_ends_nothing_leaves_the_lease_alone(jobs: JobStore) -> None:
    job = await create(jobs, sample_job())
    await jobs.lease(job.job_id, "me", now=NOW, seconds=30)
    running = await commit(jobs, state.start(job, now=NOW))
    await commit(jobs, state.wait(running, until=NOW + 5, now=NOW, attempt_counts=False))
    with pytest.raises(LeaseLost):
        await jobs.lease(job.job_id, "you", now=NOW + 6, seconds=30)
    await jobs.renew(job.job_id, "me", now=NOW + 6, seconds=30)


async def test_a_lease_from_before_the_clock_stepped_back_does_not_count(jobs: JobStore) -> None:
    job = await create(jobs, sample_job())
    await jobs.lease(job.job_id, "me", now=NOW + HOUR, seconds=30)
    await jobs.lease(job.job_id, "you", now=NOW, seconds=30)


async def test_a_small_step_back_takes_no_lease_away(jobs: JobStore) -> None:
    job = await create(jobs, sample_job())
    await jobs.lease(job.job_id, "me", now=NOW, seconds=30)
    with pytest.raises(LeaseLost):
        await jobs.lease(job.job_id, "you", now=NOW - 29, seconds=30)


async def test_of_many_holders_at_once_exactly_one_gets_the_lease(target: DeploymentTarget) -> None:
    job = await create(target.jobs, sample_job())
    stores = [target.jobs, target.other_jobs] * 10
    outcomes = await asyncio.gather(
        *(
            store.lease(job.job_id, f"worker {number}", now=NOW, seconds=30)
            for number, store in enumerate(stores)
        ),
        return_exceptions=True,
    )
    assert sum(isinstance(outcome, Job) for outcome in outcomes) == 1
    assert sum(isinstance(outcome, LeaseLost) for outcome in outcomes) == 19


async def test_jobs_that_should_have_run_long_ago_are_overdue(jobs: JobStore) -> None:
    lost = await create(jobs, sample_job())
    started = await create(jobs, sample_job())
    await jobs.lease(started.job_id, "me", now=NOW, seconds=30)
    started = await commit(jobs, state.start(started, now=NOW))
    waiting = await commit(
        jobs,
        state.wait(
            state.start(await create(jobs, sample_job()), now=NOW).model_copy(update={"seq": 2}),
            until=NOW + 60,
            now=NOW,
            attempt_counts=True,
        ).model_copy(update={"seq": 2}),
    )
    overdue = await jobs.overdue(now=NOW + HOUR, limit=10)
    assert {job.job_id: job for job in overdue} == {job.job_id: job for job in (lost, started, waiting)}
    assert len(await jobs.overdue(now=NOW + HOUR, limit=2)) == 2


async def test_jobs_that_the_queue_or_a_lease_brings_back_are_not_overdue(jobs: JobStore) -> None:
    running = await create(jobs, sample_job())
    await jobs.lease(running.job_id, "me", now=NOW + HOUR - 1, seconds=30)
    await create(jobs, sample_pending_job())
    await commit(jobs, cancel(await create(jobs, sample_job())))
    later = await commit(jobs, state.start(await create(jobs, sample_job()), now=NOW))
    await commit(jobs, state.wait(later, until=NOW + 2 * HOUR, now=NOW, attempt_counts=False))
    await create(jobs, sample_job(now=NOW + HOUR))
    assert await jobs.overdue(now=NOW + HOUR, limit=10) == []
