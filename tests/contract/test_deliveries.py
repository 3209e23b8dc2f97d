"""What every JobStore promises of news that Convex and callbacks have not confirmed."""

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


async def one(jobs: JobStore, job: Job, target: Target = "convex") -> Delivery:
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
    assert (await one(jobs, job)).wanted_seq == 3


async def test_without_targets_nothing_is_ever_wanted(jobs: JobStore) -> None:
    await commit(jobs, cancel(await create(jobs, sample_job())))
    assert await jobs.deliveries(now=NOW + HOUR, limit=10) == []


async def test_a_callback_wants_only_how_a_run_ended(jobs: JobStore) -> None:
    job = await create(jobs, sample_job(), targets=("callback",))
    running = await commit(jobs, state.start(job, now=NOW))
    assert await jobs.deliveries(now=NOW, limit=10) == []
    done = await commit(jobs, cancel(running))
    (wanted,) = await jobs.deliveries(now=NOW, limit=10)
    assert (wanted.target, wanted.wanted_seq) == ("callback", done.seq)
    await jobs.settle(replace(wanted, confirmed_seq=done.seq))

    erased = await commit(jobs, state.erase(done, now=NOW, forget_at=NOW + WEEK))
    assert await jobs.deliveries(now=NOW + HOUR, limit=10) == []
    again = await commit(jobs, state.retry(erased, now=NOW, expires_at=NOW + WEEK, has_audio=True))
    assert await jobs.deliveries(now=NOW + HOUR, limit=10) == []
    done = await commit(jobs, cancel(again))
    assert [news.wanted_seq for news in await jobs.deliveries(now=NOW, limit=10)] == [done.seq]


async def test_a_callback_is_not_told_the_end_of_a_run_when_another_has_begun(jobs: JobStore) -> None:
    job = await create(jobs, sample_job(), targets=("callback",))
    over = await commit(jobs, cancel(job))
    again = await commit(jobs, state.retry(over, now=NOW, expires_at=NOW + WEEK, has_audio=True))
    assert await jobs.deliveries(now=NOW + HOUR, limit=10) == []
    over = await commit(jobs, cancel(again))
    assert [news.wanted_seq for news in await jobs.deliveries(now=NOW, limit=10)] == [over.seq]


async def test_what_is_confirmed_is_wanted_no_more_until_the_next_commit(jobs: JobStore) -> None:
    job = await create(jobs, sample_job(), targets=("convex",))
    await jobs.settle(replace(await one(jobs, job), confirmed_seq=1))
    assert await jobs.deliveries(now=NOW + HOUR, limit=10) == []
    await commit(jobs, state.start(job, now=NOW + 5))
    (wanted,) = await jobs.deliveries(now=NOW + 5, limit=10)
    assert (wanted.wanted_seq, wanted.confirmed_seq, wanted.next_at) == (2, 1, NOW + 5)


async def test_a_commit_while_a_delivery_is_under_way_is_still_wanted_after_it(jobs: JobStore) -> None:
    job = await create(jobs, sample_job(), targets=("convex",))
    under_way = await one(jobs, job)
    await commit(jobs, state.start(job, now=NOW))
    await jobs.settle(replace(under_way, confirmed_seq=1))
    (wanted,) = await jobs.deliveries(now=NOW, limit=10)
    assert (wanted.wanted_seq, wanted.confirmed_seq) == (2, 1)


async def test_a_confirmed_seq_never_falls(jobs: JobStore) -> None:
    job = await create(jobs, sample_job(), targets=("convex",))
    slow = await one(jobs, job)
    await commit(jobs, state.start(job, now=NOW))
    await jobs.settle(replace(await one(jobs, job), confirmed_seq=2))
    await jobs.settle(replace(slow, attempts=1, last_error="timed out", next_at=NOW + 60))
    assert (await one(jobs, job)).confirmed_seq == 2
    assert await jobs.deliveries(now=NOW + HOUR, limit=10) == []


async def test_how_it_went_is_kept_and_a_failure_waits_for_its_time(jobs: JobStore) -> None:
    job = await create(jobs, sample_job(), targets=("convex", "callback"))
    tried = replace(await one(jobs, job), attempts=3, next_at=NOW + 60, last_error="503 ñ")
    await jobs.settle(tried)
    assert await one(jobs, job) == tried
    assert await jobs.deliveries(now=NOW + 59, limit=10) == []
    assert await jobs.deliveries(now=NOW + 60, limit=10) == [tried]


async def test_mere_progress_waits_as_long_as_was_settled_after_a_success(jobs: JobStore) -> None:
    job = await create(jobs, sample_job(), targets=("convex",))
    await jobs.settle(replace(await one(jobs, job), confirmed_seq=1, next_at=NOW + 10))
    running = await commit(jobs, state.start(job, now=NOW + 1))
    assert await jobs.deliveries(now=NOW + 9, limit=10) == []
    assert [news.wanted_seq for news in await jobs.deliveries(now=NOW + 10, limit=10)] == [2]
    await commit(jobs, cancel(running, now=NOW + 2))
    assert [news.wanted_seq for news in await jobs.deliveries(now=NOW + 2, limit=10)] == [3]


async def test_mere_progress_does_not_end_a_back_off(jobs: JobStore) -> None:
    job = await create(jobs, sample_job(), targets=("convex",))
    await jobs.settle(replace(await one(jobs, job), attempts=3, next_at=NOW + 60))
    await commit(jobs, advance(state.start(job, now=NOW + 1).model_copy(update={"seq": 1})), "progress")
    assert await jobs.deliveries(now=NOW + 59, limit=10) == []
    assert (await jobs.deliveries(now=NOW + 60, limit=10))[0].wanted_seq == 2


async def test_the_end_of_a_job_is_told_at_once(jobs: JobStore) -> None:
    job = await create(jobs, sample_job(), targets=("convex",))
    await jobs.settle(replace(await one(jobs, job), attempts=3, next_at=NOW + HOUR))
    await commit(jobs, cancel(job, now=NOW + 1))
    (wanted,) = await jobs.deliveries(now=NOW + 1, limit=10)
    assert (wanted.wanted_seq, wanted.attempts, wanted.next_at) == (2, 0, NOW + 1)


async def test_the_end_does_not_wait_for_news_that_were_under_way_and_failed(jobs: JobStore) -> None:
    job = await create(jobs, sample_job(), targets=("convex",))
    under_way = await one(jobs, job)
    await commit(jobs, cancel(job, now=NOW + 1))
    await jobs.settle(replace(under_way, attempts=7, next_at=NOW + HOUR, last_error="timed out"))
    (wanted,) = await jobs.deliveries(now=NOW + 1, limit=10)
    assert (wanted.wanted_seq, wanted.attempts, wanted.next_at) == (2, 0, NOW + 1)


async def test_jobs_that_ended_come_first_then_what_waits_longest(jobs: JobStore) -> None:
    made = [await create(jobs, sample_job(now=NOW + age), targets=("convex",)) for age in (2, 1, 4, 3)]
    late, early, later_end, first_end = made
    await commit(jobs, cancel(later_end, now=NOW + 9))
    await commit(jobs, cancel(first_end, now=NOW + 8))
    order = [first_end, later_end, early, late]
    found = await jobs.deliveries(now=NOW + 10, limit=10)
    assert [news.job_id for news in found] == [job.job_id for job in order]
    assert await jobs.deliveries(now=NOW + 10, limit=3) == found[:3]


async def test_the_news_of_one_target_are_found_however_many_there_are_for_another(jobs: JobStore) -> None:
    for _ in range(5):
        await commit(jobs, cancel(await create(jobs, sample_job(), targets=("callback",))))
    job = await create(jobs, sample_job(now=NOW + 1), targets=("convex",))
    found = await jobs.deliveries(now=NOW + 1, limit=2, target="convex")
    assert [(news.job_id, news.target) for news in found] == [(job.job_id, "convex")]
    found = await jobs.deliveries(now=NOW + 1, limit=2, target="callback")
    assert [news.target for news in found] == ["callback"] * 2


async def test_a_clock_that_stepped_back_holds_up_no_news(jobs: JobStore) -> None:
    job = await create(jobs, sample_pending_job(now=NOW + HOUR), targets=("convex",))
    other = await create(jobs, sample_pending_job(now=NOW + 2 * WEEK), targets=("convex",))
    await jobs.settle(replace(await one(jobs, other), attempts=1))
    told = await create(jobs, sample_job(now=NOW + HOUR / 2), targets=("convex",))
    await jobs.settle(replace(await one(jobs, told), confirmed_seq=1, next_at=NOW + HOUR / 2))
    done = await commit(jobs, cancel(told, now=NOW))
    assert done.updated_at > NOW
    found = await jobs.deliveries(now=NOW, limit=10)
    assert [news.job_id for news in found] == [told.job_id, job.job_id, other.job_id]


async def test_settling_for_a_job_that_is_gone_is_harmless(jobs: JobStore) -> None:
    job = await create(jobs, sample_job(), targets=("convex",))
    under_way = await one(jobs, job)
    await jobs.remove(job.job_id)
    await jobs.settle(replace(under_way, confirmed_seq=1))
    assert await jobs.delivery(job.job_id, "convex") is None


async def test_delivering_again_wants_the_newest_state_at_once_whatever_was_confirmed(jobs: JobStore) -> None:
    job = await create(jobs, sample_job(), targets=("convex", "callback"))
    done = await commit(jobs, cancel(job))
    for target in ("convex", "callback"):
        told = replace(await one(jobs, job, target), confirmed_seq=done.seq, attempts=4, last_error="gone")
        await jobs.settle(told)
    assert await jobs.deliveries(now=NOW + HOUR, limit=10) == []
    await jobs.redeliver(job.job_id, now=NOW + 5)
    found = await jobs.deliveries(now=NOW + 5, limit=10)
    assert sorted(news.target for news in found) == ["callback", "convex"]
    assert {(news.wanted_seq, news.confirmed_seq, news.attempts) for news in found} == {(done.seq, 0, 0)}


async def test_delivering_again_where_nobody_is_told_is_harmless(jobs: JobStore) -> None:
    job = await create(jobs, sample_job())
    await jobs.redeliver(job.job_id, now=NOW)
    await jobs.redeliver(sample_job().job_id, now=NOW)
    assert await jobs.deliveries(now=NOW + HOUR, limit=10) == []
