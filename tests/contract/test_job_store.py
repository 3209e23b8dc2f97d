"""What every JobStore promises about jobs, events and text."""

from __future__ import annotations

import asyncio

import pytest

from common.errors import JobNotFound
from common.jobs import state, text_state
from common.jobs.events import make_event
from common.models import Job, Options
from common.ports import AlreadyExists, Holdings, JobStore, LeaseLost, StaleJob
from tests.contract.sample_jobs import (
    NOW,
    WEEK,
    advance,
    cancel,
    commit,
    create,
    event_of,
    fail,
    new_id,
    sample_job,
    sample_pending_job,
    sample_piece,
    sample_transcript,
)
from tests.contract.targets import DeploymentTarget


async def test_a_created_job_is_returned_as_it_was_created(jobs: JobStore) -> None:
    job = await create(jobs, sample_job(user_id="maría", client="key:1a2b3c4d"))
    assert await jobs.get(job.job_id) == job
    assert await jobs.events(job.job_id, after=0) == [event_of(job.model_copy(update={"client": None}))]


async def test_a_job_keeps_its_client_beside_the_json_that_older_versions_read(jobs: JobStore) -> None:
    job = await create(jobs, sample_job(client="key:1a2b3c4d"))
    started = await commit(jobs, state.start(job, now=NOW))
    assert (await jobs.lease(job.job_id, "me", now=NOW, seconds=30)).client == job.client
    assert "1a2b3c4d" not in started.model_dump_json(by_alias=True)


async def test_a_job_with_every_field_comes_back_equal(jobs: JobStore) -> None:
    first = await create(jobs, sample_pending_job())
    whole = fail(first, now=NOW + 0.1).model_copy(
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


async def test_the_store_counts_what_a_client_has_there(jobs: JobStore) -> None:
    assert await jobs.held_by("key:a") == Holdings(
        pending_of_all=(await jobs.held_by("key:b")).pending_of_all
    )
    waiting, ended = [await create(jobs, sample_job(client="key:a", size_bytes=1000)) for _ in range(2)]
    pending = await create(jobs, sample_pending_job().model_copy(update={"client": "key:a"}))
    await create(jobs, sample_job(client="key:b", size_bytes=5))
    await commit(jobs, cancel(ended))
    held = await jobs.held_by("key:a")
    assert (held.jobs, held.pending, held.stored_bytes) == (1, 1, 1000)
    audio = sample_job(size_bytes=70).audio
    assert audio
    queued = state.queue(pending, audio, now=NOW, expires_at=NOW + WEEK)
    await commit(jobs, queued)
    await commit(jobs, state.start(waiting, now=NOW))
    held = await jobs.held_by("key:a")
    assert (held.jobs, held.pending, held.stored_bytes) == (2, 0, 1070)


async def test_no_event_keeps_the_address_that_a_job_fetches_its_recording_from(jobs: JobStore) -> None:
    address = {"source_url": "https://example.com/a.mp3?signature=s"}
    job = await create(jobs, sample_job().model_copy(update={**address, "audio": None}))
    running = state.start(job, now=NOW)
    await commit(jobs, running)
    assert await jobs.get(job.job_id) == running
    events = await jobs.events(job.job_id, after=0)
    assert [event.job.source_url for event in events] == [None, None]
    assert events == [event_of(job), event_of(running)]


async def test_an_unknown_job_is_not_found(jobs: JobStore) -> None:
    with pytest.raises(JobNotFound):
        await jobs.get(new_id())
    with pytest.raises(JobNotFound):
        await commit(jobs, cancel(sample_job()))
    with pytest.raises(JobNotFound):
        await jobs.keep_piece(new_id(), sample_piece(), holder="me")
    with pytest.raises(JobNotFound):
        await jobs.lease(new_id(), "me", now=NOW, seconds=30)
    assert await jobs.events(new_id(), after=0) == []
    assert await jobs.pieces(new_id()) == []
    assert await jobs.result(new_id()) is None
    assert await jobs.delivery(new_id(), "convex") is None


async def test_creating_a_second_job_with_the_same_id_fails_and_changes_nothing(jobs: JobStore) -> None:
    first = await create(jobs, sample_job(), targets=("convex",))
    with pytest.raises(AlreadyExists) as caught:
        await create(jobs, sample_job(first.job_id, user_id="somebody else"), targets=("convex", "callback"))
    assert caught.value.job == first
    assert await jobs.get(first.job_id) == first
    assert await jobs.events(first.job_id, after=0) == [event_of(first)]
    assert await jobs.delivery(first.job_id, "callback") is None


async def test_of_many_creates_at_once_one_succeeds_and_the_others_get_its_job(
    target: DeploymentTarget,
) -> None:
    job_id = new_id()
    rivals = [sample_job(job_id, user_id=str(number)) for number in range(20)]
    stores = [target.jobs, target.other_jobs] * 10
    outcomes = await asyncio.gather(
        *(create(store, job) for store, job in zip(stores, rivals, strict=True)), return_exceptions=True
    )
    stored = await target.jobs.get(job_id)
    assert [job for job in outcomes if isinstance(job, Job)] == [stored]
    assert [failure.job for failure in outcomes if isinstance(failure, AlreadyExists)] == [stored] * 19


async def test_a_commit_stores_the_next_value_with_its_event_and_result(jobs: JobStore) -> None:
    job = await create(jobs, sample_job())
    assert await jobs.result(job.job_id) is None
    running = await commit(jobs, state.start(job, now=NOW + 1))
    done = state.complete(running, language="es", now=NOW + 2, expires_at=NOW + WEEK)
    await jobs.commit(done, event_of(done), result=sample_transcript())
    assert await jobs.get(job.job_id) == done
    assert await jobs.result(job.job_id) == sample_transcript()
    assert await jobs.events(job.job_id, after=0) == [event_of(job), event_of(running), event_of(done)]


async def test_a_second_run_replaces_the_result(jobs: JobStore) -> None:
    job = await create(jobs, sample_job())
    running = await commit(jobs, state.start(job, now=NOW))
    for text in ("first", "second"):
        running = advance(running)
        await jobs.commit(running, event_of(running), result=sample_transcript(text))
    assert await jobs.result(job.job_id) == sample_transcript("second")


async def test_the_first_original_stays_beside_later_results(jobs: JobStore) -> None:
    job, other = await create(jobs, sample_job()), await create(jobs, sample_job())
    await jobs.keep_original(job.job_id)  # of a job without a result, nothing is kept
    running = await commit(jobs, state.start(job, now=NOW))
    done = state.complete(running, language="es", now=NOW, expires_at=NOW + WEEK)
    await jobs.commit(done, event_of(done), result=sample_transcript("the engine's" * 1000))
    assert await jobs.result(job.job_id, original=True) is None
    for text in ("first correction", "second"):
        await jobs.keep_original(job.job_id)
        done = text_state.correct(done, now=NOW, expires_at=NOW + WEEK)
        await jobs.commit(done, event_of(done), result=sample_transcript(text))
    assert await jobs.result(job.job_id) == sample_transcript("second")
    assert await jobs.result(job.job_id, original=True) == sample_transcript("the engine's" * 1000)
    assert await jobs.result(other.job_id, original=True) is None
    await jobs.erase_text(job.job_id)
    assert await jobs.result(job.job_id, original=True) is None


@pytest.mark.parametrize("seq", [1, 2, 4, 100])
async def test_a_commit_that_is_not_the_next_is_stale_and_stores_nothing(jobs: JobStore, seq: int) -> None:
    job = await create(jobs, sample_job(), targets=("convex",))
    stored = await commit(jobs, state.start(job, now=NOW))
    delivery = await jobs.delivery(job.job_id, "convex")
    late = cancel(job).model_copy(update={"seq": seq})
    with pytest.raises(StaleJob):
        await jobs.commit(late, event_of(late), result=sample_transcript("late"))
    assert await jobs.get(job.job_id) == stored
    assert await jobs.events(job.job_id, after=1) == [event_of(stored)]
    assert await jobs.result(job.job_id) is None
    assert await jobs.delivery(job.job_id, "convex") == delivery


async def test_of_many_commits_at_once_exactly_one_succeeds(target: DeploymentTarget) -> None:
    job = await create(target.jobs, sample_job())
    stores = [target.jobs, target.other_jobs] * 16
    outcomes = await asyncio.gather(
        *(commit(store, cancel(job, now=NOW + after)) for after, store in enumerate(stores)),
        return_exceptions=True,
    )
    winners = [outcome for outcome in outcomes if isinstance(outcome, Job)]
    assert winners == [await target.jobs.get(job.job_id)]
    assert sum(isinstance(outcome, StaleJob) for outcome in outcomes) == 31
    assert len(await target.jobs.events(job.job_id, after=0)) == 2


async def test_commits_that_are_decided_again_while_stale_all_succeed(target: DeploymentTarget) -> None:
    job = await create(target.jobs, sample_job())
    await commit(target.jobs, state.start(job, now=NOW))

    async def count_up(store: JobStore) -> None:
        while True:
            read = await store.get(job.job_id)
            try:
                await commit(store, state.add_piece(read, done=read.pieces_done + 1, language=None, now=NOW))
            except StaleJob:
                continue
            return

    await asyncio.gather(*(count_up(store) for store in [target.jobs, target.other_jobs] * 4))
    assert (await target.jobs.get(job.job_id)).pieces_done == 8
    assert (await target.jobs.get(job.job_id)).seq == 10


async def test_events_after_a_seq_come_in_order(jobs: JobStore) -> None:
    job = await create(jobs, sample_job())
    other = await create(jobs, sample_job())
    running = await commit(jobs, state.start(job, now=NOW))
    texts = []
    for index in range(12):
        running = state.add_piece(running, done=index + 1, language="es", now=NOW)
        texts.append(make_event(running, piece=sample_piece(f"pieza {index}", index=index)))
        await jobs.commit(running, texts[-1])
    assert await jobs.events(job.job_id, after=2) == texts
    assert await jobs.events(job.job_id, after=9) == texts[7:]
    assert await jobs.events(job.job_id, after=14) == []
    assert await jobs.events(other.job_id, after=0) == [event_of(other)]


async def test_only_superseded_progress_may_be_missing_among_events(jobs: JobStore) -> None:
    job = await create(jobs, sample_job())
    running = await commit(jobs, state.start(job, now=NOW))
    for _ in range(3):
        running = await commit(jobs, advance(running), "progress")
    newest = event_of(running, "progress")
    events = await jobs.events(job.job_id, after=0)
    assert events[:2] == [event_of(job), event_of(state.start(job, now=NOW))]
    assert events[-1] == newest
    cancelled = await commit(jobs, cancel(running))
    events = await jobs.events(job.job_id, after=0)
    assert [event for event in events if event.type == "state"] == [*events[:2], event_of(cancelled)]
    assert [event.seq for event in events] == sorted({event.seq for event in events})


async def test_pieces_come_by_index_and_the_first_of_an_index_stays(jobs: JobStore) -> None:
    job = await create(jobs, sample_job())
    assert await jobs.pieces(job.job_id) == []
    await jobs.lease(job.job_id, "me", now=NOW, seconds=30)
    for index in (10, 2, 0, 11):
        await jobs.keep_piece(job.job_id, sample_piece(f"pieza {index}", index=index), holder="me")
    await jobs.keep_piece(job.job_id, sample_piece("another text", index=2), holder="me")
    assert await jobs.pieces(job.job_id) == [
        sample_piece(f"pieza {index}", index=index) for index in (0, 2, 10, 11)
    ]


async def test_a_piece_is_stored_only_for_the_holder_of_the_lease(jobs: JobStore) -> None:
    job = await create(jobs, sample_job())
    with pytest.raises(LeaseLost):
        await jobs.keep_piece(job.job_id, sample_piece(), holder="me")
    await jobs.lease(job.job_id, "me", now=NOW, seconds=30)
    await jobs.lease(job.job_id, "you", now=NOW + 30, seconds=30)
    with pytest.raises(LeaseLost):
        await jobs.keep_piece(job.job_id, sample_piece(), holder="me")
    await jobs.keep_piece(job.job_id, sample_piece("by you"), holder="you")
    await commit(jobs, cancel(job))
    with pytest.raises(LeaseLost):
        await jobs.keep_piece(job.job_id, sample_piece(index=1), holder="you")
    assert await jobs.pieces(job.job_id) == [sample_piece("by you")]


async def test_erasing_text_leaves_jobs_and_events(jobs: JobStore) -> None:
    job, other = await create(jobs, sample_job()), await create(jobs, sample_job())
    piece = sample_piece("secreto")
    for each in (job, other):
        running = await commit(jobs, state.start(each, now=NOW))
        await jobs.lease(each.job_id, "me", now=NOW, seconds=30)
        await jobs.keep_piece(each.job_id, piece, holder="me")
        after = state.add_piece(running, done=1, language="es", now=NOW)
        await jobs.commit(after, make_event(after, piece=piece), result=sample_transcript("secreto"))
    before = await jobs.events(job.job_id, after=0)
    await jobs.erase_text(job.job_id)
    await jobs.erase_text(job.job_id)
    await jobs.erase_text(new_id())
    assert await jobs.pieces(job.job_id) == []
    assert await jobs.result(job.job_id) is None
    assert (await jobs.get(job.job_id)).seq == 3
    events = await jobs.events(job.job_id, after=0)
    assert [(event.seq, event.job) for event in events] == [(event.seq, event.job) for event in before]
    assert [event.text for event in events] == [None] * 3
    assert await jobs.result(other.job_id) == sample_transcript("secreto")
    assert [event.text for event in await jobs.events(other.job_id, after=2)] == ["secreto"]


async def test_removing_leaves_no_trace_and_the_id_is_free_again(jobs: JobStore) -> None:
    job = await create(jobs, sample_job(), targets=("convex", "callback"))
    await jobs.lease(job.job_id, "me", now=NOW, seconds=30)
    await jobs.keep_piece(job.job_id, sample_piece(), holder="me")
    running = state.start(job, now=NOW)
    await jobs.commit(running, event_of(running), result=sample_transcript())
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
    again = await create(jobs, sample_job(job.job_id))
    assert await jobs.get(job.job_id) == again
    assert await jobs.pieces(job.job_id) == []
    assert await jobs.events(job.job_id, after=0) == [event_of(again)]


async def test_expired_jobs_come_oldest_first(jobs: JobStore) -> None:
    made = [await create(jobs, sample_job(now=NOW + age)) for age in (3, 1, 2, 50)]
    late, oldest, middle, _ = made
    assert await jobs.expired(now=NOW + WEEK, limit=10) == []
    assert await jobs.expired(now=NOW + WEEK + 3, limit=10) == [oldest, middle, late]
    assert await jobs.expired(now=NOW + WEEK + 3, limit=2) == [oldest, middle]


async def test_a_commit_moves_the_time_a_job_expires(jobs: JobStore) -> None:
    job = await create(jobs, sample_job())
    done = await commit(jobs, state.cancel(job, now=NOW, expires_at=NOW + 10))
    assert await jobs.expired(now=NOW + 10, limit=10) == [done]
    await commit(jobs, state.erase(done, now=NOW + 10, forget_at=NOW + WEEK))
    assert await jobs.expired(now=NOW + 11, limit=10) == []
