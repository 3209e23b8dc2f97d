"""What a target wants of a job, what a try makes of that, and when the next one is due."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.delivery import rules
from common.jobs import state, text_state
from common.models import Job
from common.ports import TARGETS, Delivery, Target
from common.sender_port import DeliveryFailed
from tests.contract.sample_jobs import NOW, WEEK, cancel, fail, sample_job

HOUR = 3600.0
AWAY = DeliveryFailed("ConnectError")


def running(job: Job, *, now: float = NOW) -> Job:
    return state.start(job, now=now)


def erased(job: Job) -> Job:
    return state.erase(job, now=NOW + 1, forget_at=NOW + WEEK)


def run_again(job: Job) -> Job:
    return state.retry(job, now=NOW + 2, expires_at=NOW + WEEK, has_audio=True)


def after(target: Target, *jobs: Job) -> Delivery:
    """The delivery after these commits of one job."""
    first, *others = jobs
    delivery = rules.create(first, target)
    for job in others:
        delivery = rules.commit(delivery, job)
    return delivery


# ── what is wanted ────────────────────────────────────────────────────────────────────────────────


def test_convex_wants_every_commit() -> None:
    job = sample_job()
    done = cancel(running(job))
    for jobs in (
        [job],
        [job, running(job)],
        [job, running(job), done],
        [job, running(job), done, erased(done)],
    ):
        assert after("convex", *jobs).wanted_seq == jobs[-1].seq


def test_a_webhook_wants_the_end_of_a_run_and_nothing_else() -> None:
    job = sample_job()
    done = cancel(running(job))
    assert not after("callback", job).is_open
    assert not after("callback", job, running(job)).is_open
    assert after("callback", job, running(job), done).wanted_seq == done.seq
    assert after("callback", job, running(job), done, erased(done)).wanted_seq == done.seq


def completed_again_and_again() -> tuple[Job, Job, Job, Job]:
    """A job as it runs, as it completes, and after two corrections a second apart."""
    job = running(sample_job())
    done = state.complete(job, language="es", now=NOW, expires_at=NOW + WEEK)
    first = text_state.correct(done, now=NOW + 1, expires_at=NOW + WEEK)
    return job, done, first, text_state.correct(first, now=NOW + 2, expires_at=NOW + WEEK)


@pytest.mark.parametrize(("target", "pause"), [("convex", rules.PROGRESS_EVERY), ("callback", 30.0)])
def test_corrections_are_wanted_now_and_then_and_the_newest_alone(target: Target, pause: float) -> None:
    job, done, first, second = completed_again_and_again()
    delivery = rules.confirm(after(target, job, done), done.seq, NOW)
    delivery = rules.commit(delivery, first)
    assert not rules.is_due(delivery, NOW + 1)
    assert rules.is_due(delivery, NOW + 1 + pause)
    delivery = rules.commit(delivery, second)
    assert delivery.wanted_seq == second.seq
    assert rules.is_due(delivery, NOW + 1 + pause)  # who goes on typing does not put it off


def test_a_correction_before_the_end_was_sent_goes_out_with_it_at_once() -> None:
    job, done, first, _ = completed_again_and_again()
    for target in TARGETS:
        delivery = rules.commit(after(target, job, done), first)
        assert delivery.wanted_seq == first.seq
        assert rules.is_due(delivery, NOW + 1)


def test_a_webhook_does_not_want_the_end_of_a_run_once_another_run_has_started() -> None:
    over = fail(running(sample_job()))
    delivery = after("callback", sample_job(over.job_id), running(sample_job(over.job_id)), over)
    assert delivery.is_open
    again = run_again(over)
    delivery = rules.commit(delivery, again)
    assert not delivery.is_open
    second_end = fail(running(again))
    assert rules.commit(delivery, second_end).wanted_seq == second_end.seq


# ── when ──────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("delivery", "is_due"),
    [
        (Delivery("j", "convex", 2, 2, attempts=0, next_at=NOW), False),
        (Delivery("j", "convex", 3, 2, attempts=0, next_at=NOW), True),
        (Delivery("j", "convex", 3, 2, attempts=0, next_at=NOW + 1), False),
        (Delivery("j", "convex", 3, 2, attempts=2, next_at=NOW + 1), False),
        # The clock has stepped back since these times were stored.
        (Delivery("j", "convex", 3, 2, attempts=2, next_at=NOW + rules.FAR + 1), True),
        (Delivery("j", "convex", 1, 0, attempts=0, next_at=NOW + 1), True),
        (Delivery("j", "convex", 1, 0, attempts=1, next_at=NOW + 1), False),
        (Delivery("j", "convex", 3, 2, attempts=0, next_at=NOW + 1, ended=True), True),
        (Delivery("j", "convex", 3, 2, attempts=1, next_at=NOW + 1, ended=True), False),
    ],
)
def test_what_is_due(delivery: Delivery, is_due: bool) -> None:
    assert rules.is_due(delivery, NOW) is is_due


def test_progress_waits_for_its_turn_and_the_end_does_not() -> None:
    job = sample_job()
    confirmed = rules.confirm(after("convex", job), job.seq, NOW)
    progress = rules.commit(confirmed, running(job, now=NOW + 0.1))
    assert (rules.is_due(progress, NOW + 0.9), rules.is_due(progress, NOW + 1)) == (False, True)
    end = rules.commit(progress, cancel(running(job), now=NOW + 0.2))
    assert (end.next_at, rules.is_due(end, NOW + 0.2)) == (NOW + 0.2, True)


def test_progress_does_not_cut_a_back_off_short_and_the_end_does() -> None:
    job = sample_job()
    postponed = rules.fail(after("convex", job), job.seq, DeliveryFailed("shut", retry_after=60), NOW)
    progress = rules.commit(postponed, running(job))
    assert (progress.next_at, progress.attempts) == (NOW + 60, 1)
    end = rules.commit(progress, cancel(running(job), now=NOW + 1))
    assert (end.next_at, end.attempts) == (NOW + 1, 0)


# ── what a try makes of it ────────────────────────────────────────────────────────────────────────


def test_a_confirmed_snapshot_is_sent_no_more() -> None:
    job = sample_job()
    delivery = replace(after("convex", job), attempts=4, last_error="ConnectError")
    confirmed = rules.confirm(delivery, job.seq, NOW)
    assert not confirmed.is_open
    assert (confirmed.attempts, confirmed.last_error) == (0, None)


def test_a_rejected_snapshot_is_sent_no_more_and_the_reason_stays() -> None:
    job = sample_job()
    rejected = rules.reject(after("convex", job), job.seq, "user_mismatch", NOW)
    assert not rejected.is_open
    assert rejected.is_refused
    assert (rejected.attempts, rejected.last_error) == (0, "user_mismatch")
    assert rules.commit(rejected, running(job)).is_open


def test_a_webhook_whose_job_runs_again_counts_as_neither_failing_nor_refused() -> None:
    job = sample_job()
    failed = rules.fail(after("callback", cancel(job)), 2, DeliveryFailed("away"), NOW)
    assert (failed.is_open, failed.is_refused) == (True, False)
    again = rules.commit(failed, running(job).model_copy(update={"seq": 4}))
    assert (again.is_open, again.is_refused) == (False, False)


def test_a_try_that_a_person_asks_for_is_due_by_any_clock_until_it_was_made() -> None:
    failed = rules.fail(after("convex", sample_job()), 1, DeliveryFailed("away", retry_after=3000), NOW)
    asked = rules.settle(failed, rules.ask(failed))
    assert [rules.is_asked(each) for each in (failed, asked)] == [False, True]
    assert rules.is_due(asked, NOW - 10**8)
    assert not rules.is_asked(rules.fail(asked, 1, DeliveryFailed("away"), NOW))


def test_failures_wait_longer_and_longer() -> None:
    delivery, pauses = after("convex", sample_job()), []
    for _ in range(12):
        delivery = rules.fail(delivery, 1, AWAY, NOW)
        pauses.append(delivery.next_at - NOW)
    assert pauses[0] == 1
    assert all(earlier <= later for earlier, later in pairwise(pauses))
    assert pauses[-1] == 1800
    assert (delivery.attempts, delivery.is_open) == (12, True)


def test_what_the_target_asks_to_wait_counts_where_it_is_longer() -> None:
    delivery = after("convex", sample_job())
    assert rules.fail(delivery, 1, DeliveryFailed("shut", retry_after=60), NOW).next_at == NOW + 60
    assert rules.fail(delivery, 1, DeliveryFailed("shut", retry_after=0.5), NOW).next_at == NOW + 1


def test_a_failure_that_allows_so_many_attempts_is_a_rejection_after_the_last() -> None:
    late = DeliveryFailed("job_not_found", retry_after=0, attempts=3)
    delivery = after("convex", sample_job())
    for attempts in (1, 2):
        delivery = rules.fail(delivery, 1, late, NOW)
        assert (delivery.attempts, delivery.is_open) == (attempts, True)
    delivery = rules.fail(delivery, 1, late, NOW)
    assert (delivery.last_error, delivery.is_open) == ("job_not_found", False)


def test_attempts_of_another_kind_do_not_count_towards_a_rejection() -> None:
    late = DeliveryFailed("job_not_found", attempts=2)
    delivery = after("convex", sample_job())
    for _ in range(5):
        delivery = rules.fail(delivery, 1, AWAY, NOW)
    delivery = rules.fail(delivery, 1, late, NOW)
    assert (delivery.attempts, delivery.is_open) == (1, True)


# ── what is stored of a try ───────────────────────────────────────────────────────────────────────


def test_the_end_is_due_at_once_whatever_became_of_the_snapshot_before() -> None:
    job = sample_job()
    read = after("convex", job)
    stored = rules.commit(read, cancel(running(job), now=NOW + 1))
    settled = rules.settle(stored, rules.fail(read, job.seq, DeliveryFailed("shut", retry_after=HOUR), NOW))
    assert (settled.next_at, settled.attempts, settled.last_error) == (NOW + 1, 0, "shut")
    assert rules.is_due(settled, NOW + 1)


def test_redelivery_wants_the_newest_snapshot_at_once() -> None:
    job = sample_job()
    done = cancel(running(job))
    target: Target
    for target in ("convex", "callback"):
        delivery = after(target, job, running(job), done)
        rejected = rules.reject(delivery, done.seq, "gone", NOW)
        again = rules.redeliver(rejected, done, NOW + 5)
        assert (again.wanted_seq, again.confirmed_seq, again.attempts) == (done.seq, 0, 0)
        assert (again.next_at, again.last_error, rules.is_due(again, NOW + 5)) == (NOW + 5, None, True)


def test_redelivery_while_a_job_runs_again_sends_a_webhook_nothing() -> None:
    over = fail(running(sample_job()))
    again = run_again(over)
    stored = rules.confirm(rules.create(over, "callback"), over.seq, NOW)
    assert not rules.redeliver(rules.commit(stored, again), again, NOW + 5).is_open
    assert rules.redeliver(rules.create(again, "convex"), again, NOW + 5).wanted_seq == again.seq


STEPS = st.lists(
    st.tuples(st.sampled_from(["commit", "confirm", "reject", "fail"]), st.booleans(), st.floats(0, 100)),
    max_size=40,
)


@given(STEPS, st.sampled_from(["convex", "callback"]))
def test_whatever_happens_a_confirmed_seq_never_falls_and_the_newest_snapshot_is_wanted(
    steps: list[tuple[str, bool, float]], target: Target
) -> None:
    """`is_late` tries were read before the last commit, as a slow receiver's are."""
    job, now = sample_job(), NOW
    stored = read = rules.create(job, target)
    for kind, is_late, seconds in steps:
        now += seconds
        before = stored
        if kind == "commit":
            read = stored
            job = run_again(job) if job.has_ended else cancel(job, now=now)
            stored = rules.commit(stored, job)
        else:
            tried = read if is_late else stored
            outcome = {
                "confirm": rules.confirm(tried, tried.wanted_seq, now),
                "reject": rules.reject(tried, tried.wanted_seq, "no", now),
                "fail": rules.fail(tried, tried.wanted_seq, AWAY, now),
            }[kind]
            stored = rules.settle(stored, outcome)
        assert stored.confirmed_seq >= before.confirmed_seq
        if target == "convex":
            assert stored.wanted_seq == job.seq
        assert not stored.is_open or rules.is_due(stored, now + 2 * HOUR)
