"""Whatever happens to jobs in whatever order, every store agrees with a few dictionaries."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
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
from common.models import Audio, Job, JobEvent, Piece, Transcript
from common.ports import AlreadyExists, LeaseLost, StaleJob, Target
from tests.contract.homes import HOMES
from tests.contract.recordings import NOW, WEEK, event, failed, pending, queued, said, transcript

T = TypeVar("T")

HOLDERS = st.sampled_from(["me", "you"])
TARGETS = st.sampled_from([(), ("convex",), ("callback",), ("convex", "callback")])
LEASE = 30.0


@dataclass
class Known:
    """All that a store should know of one job."""

    job: Job
    events: list[JobEvent]
    pieces: dict[int, Piece] = field(default_factory=dict)
    result: Transcript | None = None
    holder: str | None = None
    until: float = 0.0
    wanted: dict[Target, int] = field(default_factory=dict)
    confirmed: dict[Target, int] = field(default_factory=dict)


def transitions(job: Job, now: float) -> list[Callable[[], Job]]:
    """Everything that could become of a job; most of it is illegal at any one time."""
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
        lambda: failed(job, now=now),
        lambda: state.cancel(job, now=now, expires_at=later),
        lambda: state.erase(job, now=now, forget_at=later) if job.ended else state.start(job, now=now),
        lambda: state.retry(job, now=now, expires_at=later, has_audio=job.audio is not None),
    ]


class Stores(RuleBasedStateMachine):
    """One store beside its model; subclasses name the home."""

    home_name: str
    ids = Bundle("ids")

    @initialize()
    def begin(self) -> None:
        self.stack = ExitStack()
        folder = Path(self.stack.enter_context(tempfile.TemporaryDirectory()))
        self.home = self.stack.enter_context(HOMES[self.home_name](folder))
        self.jobs = self.home.jobs
        self.runner = self.stack.enter_context(asyncio.Runner())
        self.model: dict[str, Known] = {}
        self.now = NOW

    def teardown(self) -> None:
        if hasattr(self, "stack"):
            self.stack.close()

    def run(self, call: Awaitable[T]) -> T:
        async def waited() -> T:
            return await call

        return self.runner.run(waited())

    # ── what happens ──────────────────────────────────────────────────────────────────────────────

    @rule(seconds=st.sampled_from([0.5, 29.0, 31.0, 3600.0]))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @rule(target=ids, has_audio=st.booleans(), user=st.sampled_from([None, "a", "b"]), told=TARGETS)
    def create(self, has_audio: bool, user: str | None, told: tuple[Target, ...]) -> str:
        job = queued(user_id=user, now=self.now) if has_audio else pending(now=self.now)
        self.run(self.jobs.create(job, event(job), targets=told))
        wanted = {target: job.seq if target == "convex" else 0 for target in told}
        self.model[job.job_id] = Known(job, [event(job)], wanted=wanted, confirmed=dict.fromkeys(wanted, 0))
        return job.job_id

    @rule(job_id=ids)
    def create_again(self, job_id: str) -> None:
        known = self.model.get(job_id)
        if known is None:
            return
        rival = queued(job_id, user_id="rival", now=self.now)
        with pytest.raises(AlreadyExists) as met:
            self.run(self.jobs.create(rival, event(rival), targets=("convex",)))
        assert met.value.job == known.job

    @rule(
        job_id=ids,
        which=st.integers(0, 13),
        has_result=st.booleans(),
        behind=st.sampled_from([0, 0, 0, 1, -1]),
    )
    def commit(self, job_id: str, which: int, has_result: bool, behind: int) -> None:
        known = self.model.get(job_id)
        if known is None:
            return
        try:
            after = transitions(known.job, self.now)[which]()
        except (state.IllegalTransition, JobNotRetryable):
            return
        after = after.model_copy(update={"seq": after.seq - behind})
        kind: state.Kind = "progress" if after.status == known.job.status == "processing" else "state"
        told = event(after, kind)
        result = transcript(f"{after.seq}") if has_result else None
        if behind:
            with pytest.raises(StaleJob):
                self.run(self.jobs.commit(after, told, result=result))
            return
        self.run(self.jobs.commit(after, told, result=result))
        known.job = after
        known.events.append(told)
        known.result = result or known.result
        if after.ended or after.status == "pending":
            known.holder = None
        for target in known.wanted:
            if target == "convex" or (after.ended and after.erased_at is None):
                known.wanted[target] = after.seq
            elif not after.ended:
                known.wanted[target] = known.confirmed[target]

    @rule(job_id=ids, index=st.integers(0, 3), text=st.text(max_size=5), holder=HOLDERS)
    def keep_piece(self, job_id: str, index: int, text: str, holder: str) -> None:
        piece = said(text, index=index)
        known = self.model.get(job_id)
        call = self.jobs.keep_piece(job_id, piece, holder=holder)
        if known and known.holder == holder:
            self.run(call)
            known.pieces.setdefault(index, piece)
        else:
            with pytest.raises(LeaseLost if known else JobNotFound):
                self.run(call)

    @rule(job_id=ids)
    def erase_text(self, job_id: str) -> None:
        self.run(self.jobs.erase_text(job_id))
        if known := self.model.get(job_id):
            known.pieces, known.result = {}, None
            known.events = [told.model_copy(update={"text": None}) for told in known.events]

    @rule(job_id=consumes(ids), again=st.booleans())
    def remove(self, job_id: str, again: bool) -> None:
        self.run(self.jobs.remove(job_id))
        self.model.pop(job_id, None)
        if again:
            self.run(self.jobs.remove(job_id))

    @rule(job_id=ids, holder=HOLDERS)
    def lease(self, job_id: str, holder: str) -> None:
        known = self.model.get(job_id)
        call = self.jobs.lease(job_id, holder, now=self.now, seconds=LEASE)
        if known is None:
            with pytest.raises(JobNotFound):
                self.run(call)
        elif known.job.ended or (known.holder not in {None, holder} and known.until > self.now):
            with pytest.raises(LeaseLost):
                self.run(call)
        else:
            assert self.run(call) == known.job
            known.holder, known.until = holder, self.now + LEASE

    @rule(job_id=ids, holder=HOLDERS)
    def renew(self, job_id: str, holder: str) -> None:
        known = self.model.get(job_id)
        call = self.jobs.renew(job_id, holder, now=self.now, seconds=LEASE)
        if known is None or known.holder != holder:
            with pytest.raises(LeaseLost):
                self.run(call)
        else:
            self.run(call)
            known.until = self.now + LEASE

    @rule(job_id=ids, holder=HOLDERS)
    def release(self, job_id: str, holder: str) -> None:
        self.run(self.jobs.release(job_id, holder))
        known = self.model.get(job_id)
        if known and known.holder == holder:
            known.holder = None

    @rule(job_id=ids, to=st.sampled_from(["convex", "callback"]), confirmed=st.integers(0, 8))
    def settle(self, job_id: str, to: Target, confirmed: int) -> None:
        known = self.model.get(job_id)
        stands = self.run(self.jobs.delivery(job_id, to))
        if known is None or to not in known.wanted:
            assert stands is None
            return
        assert stands
        after = replace(stands, confirmed_seq=min(confirmed, stands.wanted_seq), next_at=self.now)
        self.run(self.jobs.settle(after))
        known.confirmed[to] = max(known.confirmed[to], after.confirmed_seq)

    # ── what must hold after each step ────────────────────────────────────────────────────────────

    @invariant()
    def every_job_is_as_it_was_committed(self) -> None:
        for job_id, known in self.model.items():
            assert self.run(self.jobs.get(job_id)) == known.job
            assert self.run(self.jobs.pieces(job_id)) == [known.pieces[key] for key in sorted(known.pieces)]
            assert self.run(self.jobs.result(job_id)) == known.result

    @invariant()
    def events_are_all_there_but_for_overtaken_progress(self) -> None:
        for job_id, known in self.model.items():
            told = self.run(self.jobs.events(job_id, after=0))
            assert [one for one in told if one.type != "progress"] == [
                one for one in known.events if one.type != "progress"
            ]
            assert told[-1] == known.events[-1]
            assert [one.seq for one in told] == sorted({one.seq for one in told})
            middle = known.job.seq // 2
            assert self.run(self.jobs.events(job_id, after=middle)) == [
                one for one in told if one.seq > middle
            ]

    @invariant()
    def exactly_what_is_unconfirmed_is_delivered(self) -> None:
        due = self.run(self.jobs.deliveries(now=self.now, limit=1000))
        assert {(one.job_id, one.target): one.wanted_seq for one in due} == {
            (job_id, target): seq
            for job_id, known in self.model.items()
            for target, seq in known.wanted.items()
            if seq > known.confirmed[target]
        }
        ends = [self.model[one.job_id].job.ended for one in due]
        assert ends == sorted(ends, reverse=True)

    @invariant()
    def what_has_expired_is_told(self) -> None:
        expired = self.run(self.jobs.expired(now=self.now + WEEK, limit=1000))
        expected = [known.job for known in self.model.values() if known.job.expires_at <= self.now + WEEK]
        assert {job.job_id for job in expired} == {job.job_id for job in expected}
        assert [job.expires_at for job in expired] == sorted(job.expires_at for job in expected)

    @invariant()
    def whatever_should_run_will(self) -> None:
        """Much later, when no lease holds any more: each such job is found again, and none besides."""
        overdue = self.run(self.jobs.overdue(now=self.now + 7200, limit=1000))
        runnable = {
            job_id
            for job_id, known in self.model.items()
            if not known.job.ended and known.job.status != "pending"
        }
        assert {job.job_id for job in overdue} == runnable


@pytest.mark.parametrize("home_name", HOMES)
def test_a_store_agrees_with_dictionaries_whatever_happens(home_name: str) -> None:
    machine = type("StoresOfOneHome", (Stores,), {"home_name": home_name})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=25,
            stateful_step_count=30,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
