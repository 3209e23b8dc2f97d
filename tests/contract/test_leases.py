"""What every JobStore promises of the right to run a job, and of jobs that nobody runs."""

from __future__ import annotations

import asyncio

import pytest

from common.jobs import state
from common.models import Job
from common.ports import JobStore, LeaseLost
from tests.contract.homes import Home
from tests.contract.recordings import NOW, commit, create, ended, pending, queued

HOUR = 3600.0


async def test_a_lease_answers_the_job_and_keeps_others_away(jobs: JobStore) -> None:
    job = await create(jobs, queued())
    assert await jobs.lease(job.job_id, "me", now=NOW, seconds=30) == job
    for now in (NOW, NOW + 29.9):
        with pytest.raises(LeaseLost):
            await jobs.lease(job.job_id, "you", now=now, seconds=30)
    assert await jobs.get(job.job_id) == job


async def test_a_lease_that_ran_out_may_be_taken_and_is_lost_to_its_holder(jobs: JobStore) -> None:
    job = await create(jobs, queued())
    await jobs.lease(job.job_id, "me", now=NOW, seconds=30)
    assert await jobs.lease(job.job_id, "you", now=NOW + 30, seconds=30) == job
    with pytest.raises(LeaseLost):
        await jobs.renew(job.job_id, "me", now=NOW + 31, seconds=30)
    with pytest.raises(LeaseLost):
        await jobs.lease(job.job_id, "me", now=NOW + 31, seconds=30)
    await jobs.release(job.job_id, "me")  # not ours to give back
    await jobs.renew(job.job_id, "you", now=NOW + 31, seconds=30)


async def test_its_holder_may_take_it_again_for_longer(jobs: JobStore) -> None:
    job = await create(jobs, queued())
    await jobs.lease(job.job_id, "me", now=NOW, seconds=30)
    await jobs.lease(job.job_id, "me", now=NOW + 20, seconds=30)
    with pytest.raises(LeaseLost):
        await jobs.lease(job.job_id, "you", now=NOW + 40, seconds=30)


async def test_renewing_makes_it_last(jobs: JobStore) -> None:
    job = await create(jobs, queued())
    await jobs.lease(job.job_id, "me", now=NOW, seconds=30)
    await jobs.renew(job.job_id, "me", now=NOW + 20, seconds=30)
    with pytest.raises(LeaseLost):
        await jobs.lease(job.job_id, "you", now=NOW + 49, seconds=30)
    await jobs.lease(job.job_id, "you", now=NOW + 50, seconds=30)


async def test_a_lease_nobody_took_over_may_still_be_renewed(jobs: JobStore) -> None:
    job = await create(jobs, queued())
    await jobs.lease(job.job_id, "me", now=NOW, seconds=30)
    await jobs.renew(job.job_id, "me", now=NOW + 300, seconds=30)
    with pytest.raises(LeaseLost):
        await jobs.lease(job.job_id, "you", now=NOW + 301, seconds=30)


async def test_who_never_leased_cannot_renew(jobs: JobStore) -> None:
    job = await create(jobs, queued())
    with pytest.raises(LeaseLost):
        await jobs.renew(job.job_id, "me", now=NOW, seconds=30)


async def test_what_is_given_back_may_be_taken_at_once(jobs: JobStore) -> None:
    job = await create(jobs, queued())
    await jobs.lease(job.job_id, "me", now=NOW, seconds=30)
    await jobs.release(job.job_id, "me")
    await jobs.release(job.job_id, "me")
    await jobs.lease(job.job_id, "you", now=NOW, seconds=30)
    with pytest.raises(LeaseLost):
        await jobs.renew(job.job_id, "me", now=NOW, seconds=30)


async def test_a_job_that_ended_is_nobodys_to_run(jobs: JobStore) -> None:
    job = await create(jobs, queued())
    await jobs.lease(job.job_id, "me", now=NOW, seconds=30)
    await commit(jobs, ended(job))
    with pytest.raises(LeaseLost):
        await jobs.renew(job.job_id, "me", now=NOW, seconds=30)
    with pytest.raises(LeaseLost):
        await jobs.lease(job.job_id, "me", now=NOW, seconds=30)


async def test_the_next_run_of_a_job_is_free_to_take(jobs: JobStore) -> None:
    job = await create(jobs, queued())
    await jobs.lease(job.job_id, "me", now=NOW, seconds=30)
    cancelled = await commit(jobs, ended(job))
    again = await commit(jobs, state.retry(cancelled, now=NOW, expires_at=NOW + HOUR, has_audio=True))
    assert await jobs.lease(job.job_id, "you", now=NOW, seconds=30) == again
    with pytest.raises(LeaseLost):
        await jobs.renew(job.job_id, "me", now=NOW, seconds=30)


async def test_other_commits_leave_the_lease_alone(jobs: JobStore) -> None:
    job = await create(jobs, queued())
    await jobs.lease(job.job_id, "me", now=NOW, seconds=30)
    running = await commit(jobs, state.start(job, now=NOW))
    await commit(jobs, state.wait(running, until=NOW + 5, now=NOW, attempt_counts=False))
    with pytest.raises(LeaseLost):
        await jobs.lease(job.job_id, "you", now=NOW + 6, seconds=30)
    await jobs.renew(job.job_id, "me", now=NOW + 6, seconds=30)


async def test_a_lease_left_by_a_clock_that_stepped_back_is_none(jobs: JobStore) -> None:
    job = await create(jobs, queued())
    await jobs.lease(job.job_id, "me", now=NOW + HOUR, seconds=30)
    await jobs.lease(job.job_id, "you", now=NOW, seconds=30)


async def test_a_small_step_back_takes_nobodys_lease_away(jobs: JobStore) -> None:
    job = await create(jobs, queued())
    await jobs.lease(job.job_id, "me", now=NOW, seconds=30)
    with pytest.raises(LeaseLost):
        await jobs.lease(job.job_id, "you", now=NOW - 29, seconds=30)


async def test_of_many_who_lease_at_once_exactly_one_does(home: Home) -> None:
    job = await create(home.jobs, queued())
    stores = [home.jobs, home.jobs_elsewhere] * 10
    outcomes = await asyncio.gather(
        *(
            store.lease(job.job_id, f"worker {number}", now=NOW, seconds=30)
            for number, store in enumerate(stores)
        ),
        return_exceptions=True,
    )
    assert sum(isinstance(outcome, Job) for outcome in outcomes) == 1
    assert sum(isinstance(outcome, LeaseLost) for outcome in outcomes) == 19


async def test_jobs_that_should_run_and_were_long_forgotten_are_overdue(jobs: JobStore) -> None:
    lost = await create(jobs, queued())
    begun = await create(jobs, queued())
    await jobs.lease(begun.job_id, "me", now=NOW, seconds=30)
    begun = await commit(jobs, state.start(begun, now=NOW))
    put_off = await commit(
        jobs,
        state.wait(
            state.start(await create(jobs, queued()), now=NOW).model_copy(update={"seq": 2}),
            until=NOW + 60,
            now=NOW,
            attempt_counts=True,
        ).model_copy(update={"seq": 2}),
    )
    found = await jobs.overdue(now=NOW + HOUR, limit=10)
    assert {job.job_id for job in found} == {lost.job_id, begun.job_id, put_off.job_id}
    assert {job.job_id: job for job in found} == {job.job_id: job for job in (lost, begun, put_off)}
    assert len(await jobs.overdue(now=NOW + HOUR, limit=2)) == 2


async def test_jobs_that_come_back_by_themselves_are_not_overdue(jobs: JobStore) -> None:
    running = await create(jobs, queued())
    await jobs.lease(running.job_id, "me", now=NOW + HOUR - 1, seconds=30)
    await create(jobs, pending())
    await commit(jobs, ended(await create(jobs, queued())))
    later = await commit(jobs, state.start(await create(jobs, queued()), now=NOW))
    await commit(jobs, state.wait(later, until=NOW + 2 * HOUR, now=NOW, attempt_counts=False))
    await create(jobs, queued(now=NOW + HOUR))
    assert await jobs.overdue(now=NOW + HOUR, limit=10) == []
