"""No sequence of transitions makes a job go backwards, repeat a seq, or leave a terminal state."""

from __future__ import annotations

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from common.errors import AudioUnreadable, EngineBroken, EscribaError, JobNotRetryable
from common.jobs import state
from common.jobs.events import make_event
from common.models import Audio, Job, Options, Piece, Transcript
from tests.new_jobs import queued_job

AUDIO = Audio(size_bytes=9, sha256="0" * 64, filename="voz.mp3")
RANK = {"pending": 0, "queued": 1, "processing": 2, "waiting": 2, "completed": 3, "failed": 3, "cancelled": 3}


def a_job(now: float = 100.0, *, audio: Audio | None = AUDIO) -> Job:
    if audio:
        return queued_job("j", now=now, expires_at=now + 60, audio=audio)
    return state.accept("j", options=Options(), now=now, expires_at=now + 60)


class AnyTransitions(RuleBasedStateMachine):
    """Transitions in any order, on a clock that may step back; illegal ones change nothing."""

    @initialize(with_audio=st.booleans())
    def accept(self, with_audio: bool) -> None:
        self.now = 1000.0
        self.job = a_job(self.now, audio=AUDIO if with_audio else None)
        self.history = [self.job]

    def _become(self, make: object) -> None:
        try:
            job = make()  # type: ignore[operator]
        except (state.IllegalTransition, JobNotRetryable):
            return
        self.history.append(job)
        self.job = job

    @rule(step=st.floats(-100, 1000))
    def clock(self, step: float) -> None:
        self.now += step

    @rule()
    def queue(self) -> None:
        self._become(lambda: state.queue(self.job, AUDIO, now=self.now, expires_at=self.now + 60))

    @rule()
    def start(self) -> None:
        self._become(lambda: state.start(self.job, now=self.now))

    @rule(share=st.floats(0, 1))
    def prepare(self, share: float) -> None:
        self._become(lambda: state.prepare(self.job, share=share, now=self.now))

    @rule(pieces=st.integers(1, 9), done=st.integers(0, 9))
    def plan(self, pieces: int, done: int) -> None:
        self._become(lambda: state.plan(self.job, pieces=pieces, done=min(done, pieces), now=self.now))

    @precondition(lambda self: self.job.pieces_total)
    @rule(data=st.data())
    def piece(self, data: st.DataObject) -> None:
        done = data.draw(st.integers(0, self.job.pieces_total or 0))
        self._become(lambda: state.add_piece(self.job, done=done, language="es", now=self.now))

    @rule()
    def merge(self) -> None:
        self._become(lambda: state.merge(self.job, now=self.now))

    @rule(counts=st.booleans())
    def wait(self, counts: bool) -> None:
        self._become(lambda: state.wait(self.job, until=self.now + 9, now=self.now, attempt_counts=counts))

    @rule(isolated=st.booleans())
    def record_death(self, isolated: bool) -> None:
        self._become(lambda: state.record_death(self.job, isolated=isolated, now=self.now))

    @rule()
    def give_back(self) -> None:
        self._become(lambda: state.give_back(self.job, now=self.now))

    @rule(audio=st.sampled_from([None, AUDIO]))
    def submit_again(self, audio: Audio | None) -> None:
        self._become(
            lambda: state.submit_again(self.job, audio=audio, now=self.now, expires_at=self.now + 60)
        )

    @rule()
    def complete(self) -> None:
        self._become(lambda: state.complete(self.job, language="es", now=self.now, expires_at=self.now + 60))

    @rule(error=st.sampled_from([EngineBroken(), AudioUnreadable()]))
    def fail(self, error: EscribaError) -> None:
        self._become(lambda: state.fail(self.job, error, now=self.now, expires_at=self.now + 60))

    @rule()
    def interrupt(self) -> None:
        self._become(lambda: state.interrupt(self.job, now=self.now, expires_at=self.now + 60))

    @rule()
    def cancel(self) -> None:
        self._become(lambda: state.cancel(self.job, now=self.now, expires_at=self.now + 60))

    @rule(has_audio=st.booleans())
    def retry(self, has_audio: bool) -> None:
        self._become(
            lambda: state.retry(self.job, now=self.now, expires_at=self.now + 60, has_audio=has_audio)
        )

    @invariant()
    def seq_grows_by_one(self) -> None:
        assert [job.seq for job in self.history] == list(range(1, len(self.history) + 1))

    @invariant()
    def nothing_goes_backwards_within_one_run(self) -> None:
        for before, after in zip(self.history, self.history[1:], strict=False):
            assert after.updated_at >= before.updated_at
            if after.run == before.run:
                assert RANK[after.status] >= RANK[before.status]
                assert after.progress >= before.progress
                assert not before.has_ended
            else:
                assert before.has_ended
                assert after.run == before.run + 1

    @invariant()
    def fields_fit_the_status(self) -> None:
        job = self.job
        assert (job.completed_at is not None) == job.has_ended
        assert (job.waiting_until is not None) == (job.status == "waiting")
        assert (job.error is not None) == (job.status == "failed")
        assert (job.progress == 100) == (job.status == "completed")
        assert job.attempts >= 0
        assert job.deaths >= 0
        assert Job.model_validate_json(job.model_dump_json()) == job


AnyTransitions.TestCase.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
test_any_order_of_transitions = AnyTransitions.TestCase


def test_waiting_for_quota_is_no_attempt_and_backing_off_is_one() -> None:
    running = state.start(a_job(), now=101)
    assert state.wait(running, until=200, now=102, attempt_counts=False).attempts == 0
    assert state.wait(running, until=200, now=102, attempt_counts=True).attempts == 1
    assert state.give_back(running, now=102).attempts == 0


def test_a_second_start_keeps_the_first_time_and_the_stage_that_was_reached() -> None:
    first = state.plan(state.start(a_job(), now=101), pieces=3, done=1, now=102)
    again = state.start(state.wait(first, until=400, now=300, attempt_counts=True), now=500)
    assert again.started_at == 101
    assert again.stage == "transcribe"
    assert again.attempts == 2


def test_progress_grows_with_the_pieces_that_are_done() -> None:
    job = state.plan(state.start(a_job(), now=101), pieces=2, done=0, now=102)
    assert job.progress == 10
    assert state.add_piece(job, done=1, language=None, now=103).progress == pytest.approx(54.5)


def test_the_language_of_the_first_piece_holds_for_all() -> None:
    job = state.plan(state.start(a_job(), now=101), pieces=2, done=0, now=102)
    first = state.add_piece(job, done=1, language="es", now=103)
    assert state.add_piece(first, done=2, language="en", now=104).language == "es"


def test_a_failed_job_keeps_code_stage_and_whether_a_retry_may_help() -> None:
    failed = state.fail(state.start(a_job(), now=101), EngineBroken(), now=102, expires_at=900)
    assert failed.error is not None
    assert (failed.error.code, failed.error.stage, failed.error.retryable) == (
        "engine_broken",
        "prepare",
        True,
    )


def test_a_retry_without_audio_is_pending_until_it_is_sent_again() -> None:
    cancelled = state.cancel(a_job(), now=101, expires_at=900)
    assert state.retry(cancelled, now=102, expires_at=999, has_audio=False).status == "pending"
    with pytest.raises(JobNotRetryable):
        state.retry(a_job(), now=102, expires_at=999, has_audio=True)


def test_a_text_event_carries_the_text_and_place_of_one_piece() -> None:
    piece = Piece(index=2, start=1180.5, transcript=Transcript(text="hola", duration=600))
    event = make_event(a_job(), piece=piece)
    assert (event.type, event.index, event.start, event.end, event.text) == (
        "text",
        2,
        1180.5,
        1780.5,
        "hola",
    )


def test_an_erased_job_keeps_when_it_was_erased_and_when_to_forget_it() -> None:
    erased = state.erase(state.cancel(a_job(), now=101, expires_at=900), now=102, forget_at=1000)
    assert (erased.erased_at, erased.expires_at) == (102, 1000)
