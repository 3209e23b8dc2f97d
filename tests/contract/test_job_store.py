"""What every JobStore promises of jobs, events and text."""

from __future__ import annotations

import asyncio

import pytest

from common.errors import JobNotFound
from common.jobs import state
from common.models import Job, Options
from common.ports import AlreadyExists, JobStore, LeaseLost, StaleJob
from tests.contract.homes import Home
from tests.contract.recordings import (
    NOW,
    WEEK,
    an_id,
    commit,
    create,
    ended,
    event,
    failed,
    pending,
    progressed,
    queued,
    said,
    transcript,
)


async def test_a_created_job_is_what_one_gets(jobs: JobStore) -> None:
    job = await create(jobs, queued(user_id="maría"))
    assert await jobs.get(job.job_id) == job
    assert await jobs.events(job.job_id, after=0) == [event(job)]


async def test_a_job_with_every_field_comes_back_equal(jobs: JobStore) -> None:
    first = await create(jobs, pending())
    whole = failed(first, now=NOW + 0.1).model_copy(
        update={
            "options": Options(language="ja", temperature=0.1, timestamps=("segment", "word"), model="x"),
            "pieces_total": 3,
            "deaths": 3,
            "waiting_until": NOW + 1 / 3,
            "erased_at": NOW,
            "locale": "es",
            "callback_url": "https://example.com/?a=1&b=ñ",
            "language": "ja",
        }
    )
    await commit(jobs, whole)
    assert await jobs.get(first.job_id) == whole


async def test_an_unknown_job_is_not_found(jobs: JobStore) -> None:
    with pytest.raises(JobNotFound):
        await jobs.get(an_id())
    with pytest.raises(JobNotFound):
        await commit(jobs, ended(queued()))
    with pytest.raises(JobNotFound):
        await jobs.keep_piece(an_id(), said(), holder="me")
    with pytest.raises(JobNotFound):
        await jobs.lease(an_id(), "me", now=NOW, seconds=30)
    assert await jobs.events(an_id(), after=0) == []
    assert await jobs.pieces(an_id()) == []
    assert await jobs.result(an_id()) is None
    assert await jobs.delivery(an_id(), "convex") is None


async def test_a_second_job_of_the_same_id_meets_the_first_and_changes_nothing(jobs: JobStore) -> None:
    first = await create(jobs, queued(), targets=("convex",))
    with pytest.raises(AlreadyExists) as met:
        await create(jobs, queued(first.job_id, user_id="somebody else"), targets=("convex", "callback"))
    assert met.value.job == first
    assert await jobs.get(first.job_id) == first
    assert await jobs.events(first.job_id, after=0) == [event(first)]
    assert await jobs.delivery(first.job_id, "callback") is None


async def test_of_many_who_create_at_once_one_does_and_all_others_meet_its_job(home: Home) -> None:
    job_id = an_id()
    rivals = [queued(job_id, user_id=str(number)) for number in range(20)]
    stores = [home.jobs, home.jobs_elsewhere] * 10
    outcomes = await asyncio.gather(
        *(create(store, job) for store, job in zip(stores, rivals, strict=True)), return_exceptions=True
    )
    stands = await home.jobs.get(job_id)
    assert [job for job in outcomes if isinstance(job, Job)] == [stands]
    assert [met.job for met in outcomes if isinstance(met, AlreadyExists)] == [stands] * 19


async def test_a_commit_keeps_the_next_value_with_its_event_and_result(jobs: JobStore) -> None:
    job = await create(jobs, queued())
    assert await jobs.result(job.job_id) is None
    running = await commit(jobs, state.start(job, now=NOW + 1))
    done = state.complete(running, language="es", now=NOW + 2, expires_at=NOW + WEEK)
    await jobs.commit(done, event(done), result=transcript())
    assert await jobs.get(job.job_id) == done
    assert await jobs.result(job.job_id) == transcript()
    assert await jobs.events(job.job_id, after=0) == [event(job), event(running), event(done)]


async def test_a_second_run_replaces_the_result(jobs: JobStore) -> None:
    job = await create(jobs, queued())
    running = await commit(jobs, state.start(job, now=NOW))
    for text in ("first", "second"):
        running = progressed(running)
        await jobs.commit(running, event(running), result=transcript(text))
    assert await jobs.result(job.job_id) == transcript("second")


@pytest.mark.parametrize("seq", [1, 2, 4, 100])
async def test_a_commit_that_is_not_the_next_is_stale_and_keeps_nothing(jobs: JobStore, seq: int) -> None:
    job = await create(jobs, queued(), targets=("convex",))
    stands = await commit(jobs, state.start(job, now=NOW))
    wanted = await jobs.delivery(job.job_id, "convex")
    late = ended(job).model_copy(update={"seq": seq})
    with pytest.raises(StaleJob):
        await jobs.commit(late, event(late), result=transcript("late"))
    assert await jobs.get(job.job_id) == stands
    assert await jobs.events(job.job_id, after=1) == [event(stands)]
    assert await jobs.result(job.job_id) is None
    assert await jobs.delivery(job.job_id, "convex") == wanted


async def test_of_many_who_commit_at_once_exactly_one_wins(home: Home) -> None:
    job = await create(home.jobs, queued())
    stores = [home.jobs, home.jobs_elsewhere] * 16
    outcomes = await asyncio.gather(
        *(commit(store, ended(job, now=NOW + after)) for after, store in enumerate(stores)),
        return_exceptions=True,
    )
    winners = [outcome for outcome in outcomes if isinstance(outcome, Job)]
    assert winners == [await home.jobs.get(job.job_id)]
    assert sum(isinstance(outcome, StaleJob) for outcome in outcomes) == 31
    assert len(await home.jobs.events(job.job_id, after=0)) == 2


async def test_those_who_read_again_and_decide_anew_all_get_their_turn(home: Home) -> None:
    job = await create(home.jobs, queued())
    await commit(home.jobs, state.start(job, now=NOW))

    async def count_up(store: JobStore) -> None:
        while True:
            read = await store.get(job.job_id)
            try:
                await commit(store, state.add_piece(read, done=read.pieces_done + 1, language=None, now=NOW))
            except StaleJob:
                continue
            return

    await asyncio.gather(*(count_up(store) for store in [home.jobs, home.jobs_elsewhere] * 4))
    assert (await home.jobs.get(job.job_id)).pieces_done == 8
    assert (await home.jobs.get(job.job_id)).seq == 10


async def test_events_are_told_after_a_seq_in_order(jobs: JobStore) -> None:
    job = await create(jobs, queued())
    other = await create(jobs, queued())
    running = await commit(jobs, state.start(job, now=NOW))
    texts = []
    for index in range(12):
        running = state.add_piece(running, done=index + 1, language="es", now=NOW)
        texts.append(state.event_of(running, piece=said(f"pieza {index}", index=index)))
        await jobs.commit(running, texts[-1])
    assert await jobs.events(job.job_id, after=2) == texts
    assert await jobs.events(job.job_id, after=9) == texts[7:]
    assert await jobs.events(job.job_id, after=14) == []
    assert await jobs.events(other.job_id, after=0) == [event(other)]


async def test_only_progress_that_was_overtaken_may_be_missing_among_events(jobs: JobStore) -> None:
    job = await create(jobs, queued())
    running = await commit(jobs, state.start(job, now=NOW))
    for _ in range(3):
        running = await commit(jobs, progressed(running), "progress")
    newest = event(running, "progress")
    told = await jobs.events(job.job_id, after=0)
    assert told[:2] == [event(job), event(state.start(job, now=NOW))]
    assert told[-1] == newest
    done = await commit(jobs, ended(running))
    told = await jobs.events(job.job_id, after=0)
    assert [one for one in told if one.type == "state"] == [*told[:2], event(done)]
    assert [one.seq for one in told] == sorted({one.seq for one in told})


async def test_pieces_come_by_index_and_the_first_of_an_index_stays(jobs: JobStore) -> None:
    job = await create(jobs, queued())
    assert await jobs.pieces(job.job_id) == []
    await jobs.lease(job.job_id, "me", now=NOW, seconds=30)
    for index in (10, 2, 0, 11):
        await jobs.keep_piece(job.job_id, said(f"pieza {index}", index=index), holder="me")
    await jobs.keep_piece(job.job_id, said("another text", index=2), holder="me")
    assert await jobs.pieces(job.job_id) == [said(f"pieza {index}", index=index) for index in (0, 2, 10, 11)]


async def test_nothing_is_kept_for_one_who_has_no_lease(jobs: JobStore) -> None:
    job = await create(jobs, queued())
    with pytest.raises(LeaseLost):
        await jobs.keep_piece(job.job_id, said(), holder="me")
    await jobs.lease(job.job_id, "me", now=NOW, seconds=30)
    await jobs.lease(job.job_id, "you", now=NOW + 30, seconds=30)
    with pytest.raises(LeaseLost):
        await jobs.keep_piece(job.job_id, said(), holder="me")
    await jobs.keep_piece(job.job_id, said("by you"), holder="you")
    await commit(jobs, ended(job))
    with pytest.raises(LeaseLost):
        await jobs.keep_piece(job.job_id, said(index=1), holder="you")
    assert await jobs.pieces(job.job_id) == [said("by you")]


async def test_erasing_text_leaves_the_states(jobs: JobStore) -> None:
    job, other = await create(jobs, queued()), await create(jobs, queued())
    for one in (job, other):
        running = await commit(jobs, state.start(one, now=NOW))
        await jobs.lease(one.job_id, "me", now=NOW, seconds=30)
        await jobs.keep_piece(one.job_id, said("secreto"), holder="me")
        spoken = state.add_piece(running, done=1, language="es", now=NOW)
        await jobs.commit(spoken, state.event_of(spoken, piece=said("secreto")), result=transcript("secreto"))
    before = await jobs.events(job.job_id, after=0)
    await jobs.erase_text(job.job_id)
    await jobs.erase_text(job.job_id)
    await jobs.erase_text(an_id())
    assert await jobs.pieces(job.job_id) == []
    assert await jobs.result(job.job_id) is None
    assert (await jobs.get(job.job_id)).seq == 3
    after = await jobs.events(job.job_id, after=0)
    assert [(one.seq, one.job) for one in after] == [(one.seq, one.job) for one in before]
    assert [one.text for one in after] == [None] * 3
    assert await jobs.result(other.job_id) == transcript("secreto")
    assert [one.text for one in await jobs.events(other.job_id, after=2)] == ["secreto"]


async def test_removing_leaves_no_trace_and_the_id_is_free_again(jobs: JobStore) -> None:
    job = await create(jobs, queued(), targets=("convex", "callback"))
    await jobs.lease(job.job_id, "me", now=NOW, seconds=30)
    await jobs.keep_piece(job.job_id, said(), holder="me")
    running = state.start(job, now=NOW)
    await jobs.commit(running, event(running), result=transcript())
    await jobs.remove(job.job_id)
    await jobs.remove(job.job_id)
    with pytest.raises(JobNotFound):
        await jobs.get(job.job_id)
    with pytest.raises(LeaseLost):
        await jobs.renew(job.job_id, "me", now=NOW, seconds=30)
    assert await jobs.events(job.job_id, after=0) == []
    assert await jobs.pieces(job.job_id) == []
    assert await jobs.result(job.job_id) is None
    assert await jobs.deliveries(now=NOW + WEEK, limit=10) == []
    assert await jobs.expired(now=NOW + 2 * WEEK, limit=10) == []
    assert await jobs.overdue(now=NOW + WEEK, limit=10) == []
    again = await create(jobs, queued(job.job_id))
    assert await jobs.get(job.job_id) == again
    assert await jobs.pieces(job.job_id) == []
    assert await jobs.events(job.job_id, after=0) == [event(again)]


async def test_expired_jobs_are_told_oldest_first(jobs: JobStore) -> None:
    made = [await create(jobs, queued(now=NOW + age)) for age in (3, 1, 2, 50)]
    late, oldest, middle, _ = made
    assert await jobs.expired(now=NOW + WEEK, limit=10) == []
    assert await jobs.expired(now=NOW + WEEK + 3, limit=10) == [oldest, middle, late]
    assert await jobs.expired(now=NOW + WEEK + 3, limit=2) == [oldest, middle]


async def test_a_commit_moves_the_time_a_job_expires(jobs: JobStore) -> None:
    job = await create(jobs, queued())
    done = await commit(jobs, state.cancel(job, now=NOW, expires_at=NOW + 10))
    assert await jobs.expired(now=NOW + 10, limit=10) == [done]
    await commit(jobs, state.erase(done, now=NOW + 10, forget_at=NOW + WEEK))
    assert await jobs.expired(now=NOW + 11, limit=10) == []
