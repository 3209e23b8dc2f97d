"""Whatever happens to jobs in whatever order, every store agrees with a model made of dictionaries."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Awaitable, Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from common.errors import JobNotFound, JobNotRetryable
from common.jobs import state
from common.jobs.events import Kind
from common.models import Audio, Job, JobEvent, Piece, Transcript
from common.ports import AlreadyExists, LeaseLost, StaleJob, Target
from tests.closing import close_all
from tests.contract.sample_jobs import (
    NOW,
    WEEK,
    event_of,
    fail,
    sample_job,
    sample_pending_job,
    sample_piece,
    sample_transcript,
)
from tests.contract.targets import DEPLOYMENT_TARGETS

T = TypeVar("T")

HOLDERS = st.sampled_from(["me", "you"])
TARGETS = st.sampled_from([(), ("convex",), ("callback",), ("convex", "callback")])
LEASE = 30.0
# The emulator of DynamoDB takes ten times the CPU of SQLite.
EXAMPLES = {"container": 24, "postgres": 16, "aws": 12}
# Hypothesis leaves some rules out of each example and begins with the simplest, so that many short examples
# reach more than few long ones.
STEPS = 15


@dataclass
class ModelJob:
    """All that a store should hold of one job."""

    job: Job
    events: list[JobEvent]
    pieces: dict[int, Piece] = field(default_factory=dict)
    result: Transcript | None = None
    original: Transcript | None = None
    holder: str | None = None
    until: float = 0.0
    wanted: dict[Target, int] = field(default_factory=dict)
    confirmed: dict[Target, int] = field(default_factory=dict)


def transitions(job: Job, now: float) -> list[Callable[[], Job]]:
    """Every transition of a job; most of them are illegal at any one time."""
    later = now + WEEK
    return [
        lambda: state.queue(job, Audio(size_bytes=1, sha256="00"), now=now, expires_at=later),
        lambda: state.start(job, now=now),
        lambda: state.prepare(job, share=0.3, now=now),
        lambda: state.plan(job, pieces=3, done=0, now=now),
        lambda: state.add_piece(job, done=job.pieces_done + 1, language="es", now=now),
        lambda: state.merge(job, now=now),
        lambda: state.wait(job, until=now + 40, now=now, attempt_counts=True),
        lambda: state.give_back(job, now=now),
        lambda: state.record_death(job, isolated=False, now=now),
        lambda: state.complete(job, language="es", now=now, expires_at=later),
        lambda: fail(job, now=now),
        lambda: state.cancel(job, now=now, expires_at=later),
        lambda: state.erase(job, now=now, forget_at=later) if job.has_ended else state.start(job, now=now),
        lambda: state.retry(job, now=now, expires_at=later, has_audio=job.audio is not None),
    ]


def first_legal(candidates: list[Callable[[], Job]], which: int) -> Job | None:
    """From the one at `which` on, in a circle, so that nearly every step commits something."""
    for transition in candidates[which:] + candidates[:which]:
        with suppress(state.IllegalTransition, JobNotRetryable):
            return transition()
    return None


class Stores(RuleBasedStateMachine):
    """One store beside its model; subclasses name the target."""

    target_name: str
    ids = Bundle("ids")

    @initialize()
    def open(self) -> None:
        self.stack = ExitStack()
        folder = Path(self.stack.enter_context(tempfile.TemporaryDirectory()))
        self.target = self.stack.enter_context(DEPLOYMENT_TARGETS[self.target_name](folder))
        self.jobs = self.target.jobs
        self.runner = self.stack.enter_context(asyncio.Runner())
        self.models: dict[str, ModelJob] = {}
        self.touched: str | None = None
        self.now = NOW

    def teardown(self) -> None:
        if hasattr(self, "stack"):
            try:
                for job_id in self.models:
                    self.compare(job_id)
            finally:
                self.run(close_all())
                self.stack.close()

    def run(self, call: Awaitable[T]) -> T:
        async def waited() -> T:
            return await call

        return self.runner.run(waited())

    def find(self, job_id: str) -> ModelJob | None:
        """The model of a job to which something happens now."""
        self.touched = job_id
        return self.models.get(job_id)

    # ── what happens ──────────────────────────────────────────────────────────────────────────────

    @rule(seconds=st.sampled_from([0.5, 29.0, 31.0, 3600.0]))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @rule(target=ids, has_audio=st.booleans(), user=st.sampled_from([None, "a", "b"]), receivers=TARGETS)
    def create(self, has_audio: bool, user: str | None, receivers: tuple[Target, ...]) -> str:
        job = sample_job(user_id=user, now=self.now) if has_audio else sample_pending_job(now=self.now)
        self.run(self.jobs.create(job, event_of(job), targets=receivers))
        wanted = {target: job.seq if target == "convex" else 0 for target in receivers}
        self.models[job.job_id] = ModelJob(
            job, [event_of(job)], wanted=wanted, confirmed=dict.fromkeys(wanted, 0)
        )
        self.touched = job.job_id
        return job.job_id

    @rule(job_id=ids)
    def create_again(self, job_id: str) -> None:
        model = self.find(job_id)
        if model is None:
            return
        rival = sample_job(job_id, user_id="rival", now=self.now)
        with pytest.raises(AlreadyExists) as caught:
            self.run(self.jobs.create(rival, event_of(rival), targets=("convex",)))
        assert caught.value.job == model.job

    @rule(
        job_id=ids,
        which=st.integers(0, 13),
        has_result=st.booleans(),
        behind=st.sampled_from([0, 0, 0, 1, -1]),
    )
    def commit(self, job_id: str, which: int, has_result: bool, behind: int) -> None:
        model = self.find(job_id)
        if model is None:
            return
        after = first_legal(transitions(model.job, self.now), which)
        if after is None:
            return
        after = after.model_copy(update={"seq": after.seq - behind})
        kind: Kind = "progress" if after.status == model.job.status == "processing" else "state"
        event = event_of(after, kind)
        result = sample_transcript(f"{after.seq}") if has_result else None
        if behind:
            with pytest.raises(StaleJob):
                self.run(self.jobs.commit(after, event, result=result))
            return
        self.run(self.jobs.commit(after, event, result=result))
        model.job = after
        model.events.append(event)
        model.result = result or model.result
        if after.has_ended or after.status == "pending":
            model.holder = None
        for target in model.wanted:
            if target == "convex" or (after.has_ended and after.erased_at is None):
                model.wanted[target] = after.seq
            elif not after.has_ended:
                model.wanted[target] = model.confirmed[target]

    @rule(job_id=ids, index=st.integers(0, 3), text=st.text(max_size=5), holder=HOLDERS)
    def keep_piece(self, job_id: str, index: int, text: str, holder: str) -> None:
        piece = sample_piece(text, index=index)
        model = self.find(job_id)
        call = self.jobs.keep_piece(job_id, piece, holder=holder)
        if model and model.holder == holder:
            self.run(call)
            model.pieces.setdefault(index, piece)
        else:
            with pytest.raises(LeaseLost if model else JobNotFound):
                self.run(call)

    @rule(job_id=ids)
    def keep_original(self, job_id: str) -> None:
        self.run(self.jobs.keep_original(job_id))
        if model := self.find(job_id):
            model.original = model.original or model.result

    @rule(job_id=ids)
    def erase_text(self, job_id: str) -> None:
        self.run(self.jobs.erase_text(job_id))
        if model := self.find(job_id):
            model.pieces, model.result, model.original = {}, None, None
            model.events = [event.model_copy(update={"text": None}) for event in model.events]

    @rule(job_id=consumes(ids), again=st.booleans())
    def remove(self, job_id: str, again: bool) -> None:
        self.run(self.jobs.remove(job_id))
        self.models.pop(job_id, None)
        if again:
            self.run(self.jobs.remove(job_id))

    @rule(job_id=ids, holder=HOLDERS)
    def lease(self, job_id: str, holder: str) -> None:
        model = self.find(job_id)
        call = self.jobs.lease(job_id, holder, now=self.now, seconds=LEASE)
        if model is None:
            with pytest.raises(JobNotFound):
                self.run(call)
        elif model.job.has_ended or (model.holder not in {None, holder} and model.until > self.now):
            with pytest.raises(LeaseLost):
                self.run(call)
        else:
            assert self.run(call) == model.job
            model.holder, model.until = holder, self.now + LEASE

    @rule(job_id=ids, holder=HOLDERS)
    def renew(self, job_id: str, holder: str) -> None:
        model = self.find(job_id)
        call = self.jobs.renew(job_id, holder, now=self.now, seconds=LEASE)
        if model is None or model.holder != holder:
            with pytest.raises(LeaseLost):
                self.run(call)
        else:
            self.run(call)
            model.until = self.now + LEASE

    @rule(job_id=ids, holder=HOLDERS)
    def release(self, job_id: str, holder: str) -> None:
        self.run(self.jobs.release(job_id, holder))
        model = self.find(job_id)
        if model and model.holder == holder:
            model.holder = None

    @rule(job_id=ids, to=st.sampled_from(["convex", "callback"]), confirmed=st.integers(0, 8))
    def settle(self, job_id: str, to: Target, confirmed: int) -> None:
        model = self.find(job_id)
        stored = self.run(self.jobs.delivery(job_id, to))
        if model is None or to not in model.wanted:
            assert stored is None
            return
        assert stored
        after = replace(stored, confirmed_seq=min(confirmed, stored.wanted_seq), next_at=self.now)
        self.run(self.jobs.settle(after))
        model.confirmed[to] = max(model.confirmed[to], after.confirmed_seq)

    # ── what must hold after each step ────────────────────────────────────────────────────────────

    @invariant()
    def the_job_is_as_the_model_says(self) -> None:
        """The one to which something happened last; at the end all, since no other may have changed."""
        if self.touched in self.models:
            self.compare(self.touched)
        self.touched = None

    def compare(self, job_id: str) -> None:
        model = self.models[job_id]
        assert self.run(self.jobs.get(job_id)) == model.job
        assert self.run(self.jobs.pieces(job_id)) == [model.pieces[key] for key in sorted(model.pieces)]
        assert self.run(self.jobs.result(job_id)) == model.result
        assert self.run(self.jobs.result(job_id, original=True)) == model.original
        self.compare_events(job_id, model)

    def compare_events(self, job_id: str, model: ModelJob) -> None:
        """Only superseded progress is missing among the events."""
        events = self.run(self.jobs.events(job_id, after=0))
        assert [event for event in events if event.type != "progress"] == [
            event for event in model.events if event.type != "progress"
        ]
        assert events[-1] == model.events[-1]
        assert [event.seq for event in events] == sorted({event.seq for event in events})
        middle = model.job.seq // 2
        assert self.run(self.jobs.events(job_id, after=middle)) == [
            event for event in events if event.seq > middle
        ]

    @invariant()
    def exactly_the_unconfirmed_deliveries_are_due(self) -> None:
        due = self.run(self.jobs.deliveries(now=self.now, limit=1000))
        assert {(each.job_id, each.target): each.wanted_seq for each in due} == {
            (job_id, target): seq
            for job_id, model in self.models.items()
            for target, seq in model.wanted.items()
            if seq > model.confirmed[target]
        }
        ends = [self.models[each.job_id].job.has_ended for each in due]
        assert ends == sorted(ends, reverse=True)

    @invariant()
    def expired_jobs_are_found(self) -> None:
        expired = self.run(self.jobs.expired(now=self.now + WEEK, limit=1000))
        expected = [model.job for model in self.models.values() if model.job.expires_at <= self.now + WEEK]
        assert {job.job_id for job in expired} == {job.job_id for job in expected}
        assert [job.expires_at for job in expired] == sorted(job.expires_at for job in expected)

    @invariant()
    def every_job_that_should_run_is_found(self) -> None:
        """Much later, when every lease has expired: each such job is overdue, and no other."""
        overdue = self.run(self.jobs.overdue(now=self.now + 7200, limit=1000))
        runnable = {
            job_id
            for job_id, model in self.models.items()
            if not model.job.has_ended and model.job.status != "pending"
        }
        assert {job.job_id for job in overdue} == runnable


@pytest.mark.no_cover  # as in tests/conftest.py
@pytest.mark.parametrize("target_name", DEPLOYMENT_TARGETS)
def test_a_store_agrees_with_its_model_whatever_happens(target_name: str) -> None:
    machine = type("StoresOfOneTarget", (Stores,), {"target_name": target_name})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=EXAMPLES[target_name],
            stateful_step_count=STEPS,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
