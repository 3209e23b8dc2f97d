"""What every JobStore promises of the deliveries to Convex and webhooks."""

from __future__ import annotations

from dataclasses import replace

from common.jobs import state
from common.models import Job
from common.ports import Delivery, JobStore, Target
from tests.contract.sample_jobs import (
    NOW,
    WEEK,
    advance,
    cancel,
    commit,
    create,
    sample_job,
    sample_pending_job,
)

HOUR = 3600.0


async def delivery_of(jobs: JobStore, job: Job, target: Target = "convex") -> Delivery:
    found = await jobs.delivery(job.job_id, target)
    assert found is not None
    return found


async def test_convex_wants_every_commit_from_the_first(jobs: JobStore) -> None:
    job = await create(jobs, sample_job(), targets=("convex",))
    first = Delivery(
        job_id=job.job_id, target="convex", wanted_seq=1, confirmed_seq=0, attempts=0, next_at=NOW
    )
    assert await jobs.deliveries(now=NOW, limit=10) == [first]
    running = await commit(jobs, state.start(job, now=NOW + 1))
    await commit(jobs, advance(running, now=NOW + 2), "progress")
    assert (await delivery_of(jobs, job)).wanted_seq == 3


async def test_a_job_without_targets_has_no_delivery(jobs: JobStore) -> None:
    await commit(jobs, cancel(await create(jobs, sample_job())))
    assert await jobs.deliveries(now=NOW + HOUR, limit=10) == []


async def test_a_webhook_wants_only_the_end_of_a_run(jobs: JobStore) -> None:
    job = await create(jobs, sample_job(), targets=("callback",))
    running = await commit(jobs, state.start(job, now=NOW))
    assert await jobs.deliveries(now=NOW, limit=10) == []
    done = await commit(jobs, cancel(running))
    (due,) = await jobs.deliveries(now=NOW, limit=10)
    assert (due.target, due.wanted_seq) == ("callback", done.seq)
    await jobs.settle(replace(due, confirmed_seq=done.seq))

    erased = await commit(jobs, state.erase(done, now=NOW, forget_at=NOW + WEEK))
    assert await jobs.deliveries(now=NOW + HOUR, limit=10) == []
    again = await commit(jobs, state.retry(erased, now=NOW, expires_at=NOW + WEEK, has_audio=True))
    assert await jobs.deliveries(now=NOW + HOUR, limit=10) == []
    done = await commit(jobs, cancel(again))
    assert [delivery.wanted_seq for delivery in await jobs.deliveries(now=NOW, limit=10)] == [done.seq]


async def test_a_webhook_does_not_want_the_end_of_a_run_once_another_has_started(jobs: JobStore) -> None:
    job = await create(jobs, sample_job(), targets=("callback",))
    over = await commit(jobs, cancel(job))
    again = await commit(jobs, state.retry(over, now=NOW, expires_at=NOW + WEEK, has_audio=True))
    assert await jobs.deliveries(now=NOW + HOUR, limit=10) == []
    over = await commit(jobs, cancel(again))
    assert [delivery.wanted_seq for delivery in await jobs.deliveries(now=NOW, limit=10)] == [over.seq]


async def test_a_confirmed_delivery_is_closed_until_the_next_commit(jobs: JobStore) -> None:
    job = await create(jobs, sample_job(), targets=("convex",))
    await jobs.settle(replace(await delivery_of(jobs, job), confirmed_seq=1))
    assert await jobs.deliveries(now=NOW + HOUR, limit=10) == []
    await commit(jobs, state.start(job, now=NOW + 5))
    (due,) = await jobs.deliveries(now=NOW + 5, limit=10)
    assert (due.wanted_seq, due.confirmed_seq, due.next_at) == (2, 1, NOW + 5)


async def test_a_commit_during_a_delivery_is_still_wanted_after_it(jobs: JobStore) -> None:
    job = await create(jobs, sample_job(), targets=("convex",))
    read = await delivery_of(jobs, job)
    await commit(jobs, state.start(job, now=NOW))
    await jobs.settle(replace(read, confirmed_seq=1))
    (due,) = await jobs.deliveries(now=NOW, limit=10)
    assert (due.wanted_seq, due.confirmed_seq) == (2, 1)


async def test_a_confirmed_seq_never_falls(jobs: JobStore) -> None:
    job = await create(jobs, sample_job(), targets=("convex",))
    slow = await delivery_of(jobs, job)
    await commit(jobs, state.start(job, now=NOW))
    await jobs.settle(replace(await delivery_of(jobs, job), confirmed_seq=2))
    await jobs.settle(replace(slow, attempts=1, last_error="timed out", next_at=NOW + 60))
    assert (await delivery_of(jobs, job)).confirmed_seq == 2
    assert await jobs.deliveries(now=NOW + HOUR, limit=10) == []


async def test_a_failure_is_stored_and_waits_for_its_time(jobs: JobStore) -> None:
    job = await create(jobs, sample_job(), targets=("convex", "callback"))
    tried = replace(await delivery_of(jobs, job), attempts=3, next_at=NOW + 60, last_error="503 ñ")
    await jobs.settle(tried)
    assert await delivery_of(jobs, job) == tried
    assert await jobs.deliveries(now=NOW + 59, limit=10) == []
    assert await jobs.deliveries(now=NOW + 60, limit=10) == [tried]


async def test_mere_progress_waits_for_the_time_that_a_success_has_set(jobs: JobStore) -> None:
    job = await create(jobs, sample_job(), targets=("convex",))
    await jobs.settle(replace(await delivery_of(jobs, job), confirmed_seq=1, next_at=NOW + 10))
    running = await commit(jobs, state.start(job, now=NOW + 1))
    assert await jobs.deliveries(now=NOW + 9, limit=10) == []
    assert [delivery.wanted_seq for delivery in await jobs.deliveries(now=NOW + 10, limit=10)] == [2]
    await commit(jobs, cancel(running, now=NOW + 2))
    assert [delivery.wanted_seq for delivery in await jobs.deliveries(now=NOW + 2, limit=10)] == [3]


async def test_mere_progress_does_not_end_a_back_off(jobs: JobStore) -> None:
    job = await create(jobs, sample_job(), targets=("convex",))
    await jobs.settle(replace(await delivery_of(jobs, job), attempts=3, next_at=NOW + 60))
    await commit(jobs, advance(state.start(job, now=NOW + 1).model_copy(update={"seq": 1})), "progress")
    assert await jobs.deliveries(now=NOW + 59, limit=10) == []
    assert (await jobs.deliveries(now=NOW + 60, limit=10))[0].wanted_seq == 2


async def test_the_end_of_a_job_is_due_at_once(jobs: JobStore) -> None:
    job = await create(jobs, sample_job(), targets=("convex",))
    await jobs.settle(replace(await delivery_of(jobs, job), attempts=3, next_at=NOW + HOUR))
    await commit(jobs, cancel(job, now=NOW + 1))
    (due,) = await jobs.deliveries(now=NOW + 1, limit=10)
    assert (due.wanted_seq, due.attempts, due.next_at) == (2, 0, NOW + 1)


async def test_the_end_does_not_wait_after_a_failure_of_the_snapshot_before(jobs: JobStore) -> None:
    job = await create(jobs, sample_job(), targets=("convex",))
    read = await delivery_of(jobs, job)
    await commit(jobs, cancel(job, now=NOW + 1))
    await jobs.settle(replace(read, attempts=7, next_at=NOW + HOUR, last_error="timed out"))
    (due,) = await jobs.deliveries(now=NOW + 1, limit=10)
    assert (due.wanted_seq, due.attempts, due.next_at) == (2, 0, NOW + 1)


async def test_ended_jobs_come_first_then_those_that_wait_longest(jobs: JobStore) -> None:
    made = [await create(jobs, sample_job(now=NOW + age), targets=("convex",)) for age in (2, 1, 4, 3)]
    late, early, later_end, first_end = made
    await commit(jobs, cancel(later_end, now=NOW + 9))
    await commit(jobs, cancel(first_end, now=NOW + 8))
    order = [first_end, later_end, early, late]
    found = await jobs.deliveries(now=NOW + 10, limit=10)
    assert [delivery.job_id for delivery in found] == [job.job_id for job in order]
    assert await jobs.deliveries(now=NOW + 10, limit=3) == found[:3]


async def test_deliveries_to_one_target_are_found_however_many_there_are_to_another(jobs: JobStore) -> None:
    for _ in range(5):
        await commit(jobs, cancel(await create(jobs, sample_job(), targets=("callback",))))
    job = await create(jobs, sample_job(now=NOW + 1), targets=("convex",))
    found = await jobs.deliveries(now=NOW + 1, limit=2, target="convex")
    assert [(delivery.job_id, delivery.target) for delivery in found] == [(job.job_id, "convex")]
    found = await jobs.deliveries(now=NOW + 1, limit=2, target="callback")
    assert [delivery.target for delivery in found] == ["callback"] * 2


async def test_a_clock_that_stepped_back_holds_up_no_delivery(jobs: JobStore) -> None:
    job = await create(jobs, sample_pending_job(now=NOW + HOUR), targets=("convex",))
    other = await create(jobs, sample_pending_job(now=NOW + 2 * WEEK), targets=("convex",))
    await jobs.settle(replace(await delivery_of(jobs, other), attempts=1))
    confirmed = await create(jobs, sample_job(now=NOW + HOUR / 2), targets=("convex",))
    await jobs.settle(replace(await delivery_of(jobs, confirmed), confirmed_seq=1, next_at=NOW + HOUR / 2))
    done = await commit(jobs, cancel(confirmed, now=NOW))
    assert done.updated_at > NOW
    found = await jobs.deliveries(now=NOW, limit=10)
    assert [delivery.job_id for delivery in found] == [confirmed.job_id, job.job_id, other.job_id]


async def test_settling_a_delivery_of_a_removed_job_is_harmless(jobs: JobStore) -> None:
    job = await create(jobs, sample_job(), targets=("convex",))
    read = await delivery_of(jobs, job)
    await jobs.remove(job.job_id)
    await jobs.settle(replace(read, confirmed_seq=1))
    assert await jobs.delivery(job.job_id, "convex") is None


async def test_redelivery_wants_the_newest_snapshot_at_once_whatever_was_confirmed(jobs: JobStore) -> None:
    job = await create(jobs, sample_job(), targets=("convex", "callback"))
    done = await commit(jobs, cancel(job))
    for target in ("convex", "callback"):
        stored = await delivery_of(jobs, job, target)
        await jobs.settle(replace(stored, confirmed_seq=done.seq, attempts=4, last_error="gone"))
    assert await jobs.deliveries(now=NOW + HOUR, limit=10) == []
    await jobs.redeliver(job.job_id, now=NOW + 5)
    found = await jobs.deliveries(now=NOW + 5, limit=10)
    assert sorted(delivery.target for delivery in found) == ["callback", "convex"]
    assert {(delivery.wanted_seq, delivery.confirmed_seq, delivery.attempts) for delivery in found} == {
        (done.seq, 0, 0)
    }


async def test_redelivery_of_a_job_without_targets_is_harmless(jobs: JobStore) -> None:
    job = await create(jobs, sample_job())
    await jobs.redeliver(job.job_id, now=NOW)
    await jobs.redeliver(sample_job().job_id, now=NOW)
    assert await jobs.deliveries(now=NOW + HOUR, limit=10) == []
