"""Which job the SQLite queue gives to a worker next, and when."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from common.jobs import state
from common.local.sqlite import database as module
from common.local.sqlite.database import Database
from common.local.sqlite.jobs import SqliteJobs
from common.local.sqlite.queue import SqliteQueue
from common.local.sqlite.schema import MIGRATIONS
from common.models import Job
from common.ports import LeaseLost
from tests.contract.sample_jobs import (
    NOW,
    WEEK,
    cancel,
    commit,
    create,
    sample_job,
    sample_pending_job,
    sample_suspect,
)

HOUR = 3600.0


class Bench:
    """A store, its queue and a clock to set."""

    def __init__(self, path: Path) -> None:
        self.database = Database(path, busy_timeout=60)
        self.jobs = SqliteJobs(self.database)
        self.now = NOW
        self.calls = 0
        self.queue = SqliteQueue(self.database, now=lambda: self.now, on_put=self.on_put)

    def on_put(self) -> None:
        self.calls += 1

    async def claim(self, holder: str = "me", *, after: float = 0, busy: frozenset[str] = frozenset()) -> str:
        return await self.queue.claim(NOW + after, holder, 30, busy=busy) or "nothing"

    async def running(self, job: Job) -> Job:
        return await commit(self.jobs, state.start(job, now=NOW))


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path / "escriba.sqlite")
    yield bench
    bench.database.close()


async def test_a_job_with_its_audio_is_claimed_without_a_put(bench: Bench) -> None:
    job = await create(bench.jobs, sample_job())
    assert await bench.claim() == job.job_id
    assert await bench.claim() == "nothing"


async def test_a_claimed_job_is_leased_to_its_holder(bench: Bench) -> None:
    job = await create(bench.jobs, sample_job())
    await bench.claim("me")
    assert await bench.jobs.lease(job.job_id, "me", now=NOW, seconds=30) == job
    with pytest.raises(LeaseLost):
        await bench.jobs.lease(job.job_id, "you", now=NOW, seconds=30)


async def test_a_job_is_claimed_once_its_audio_has_come_and_not_before(bench: Bench) -> None:
    job = await create(bench.jobs, sample_pending_job())
    await bench.queue.put(job.job_id)
    assert await bench.claim(after=HOUR) == "nothing"
    audio = sample_job().audio
    assert audio
    await commit(bench.jobs, state.queue(job, audio, now=NOW, expires_at=NOW + WEEK))
    assert await bench.claim() == job.job_id


async def test_a_job_that_has_ended_is_claimed_only_after_a_retry(bench: Bench) -> None:
    job = await commit(bench.jobs, cancel(await create(bench.jobs, sample_job())))
    await bench.queue.put(job.job_id)
    assert await bench.claim(after=HOUR) == "nothing"
    assert await bench.queue.backlog() == 0
    await commit(bench.jobs, state.retry(job, now=NOW, expires_at=NOW + WEEK, has_audio=True))
    assert await bench.claim() == job.job_id


async def test_a_waiting_job_is_claimed_at_its_time_without_a_put(bench: Bench) -> None:
    job = await bench.running(await create(bench.jobs, sample_job()))
    await commit(bench.jobs, state.wait(job, until=NOW + 10, now=NOW, attempt_counts=False))
    assert await bench.claim(after=9) == "nothing"
    assert await bench.claim(after=10) == job.job_id


async def test_a_job_that_was_given_back_is_claimed_at_once(bench: Bench) -> None:
    job = await create(bench.jobs, sample_job())
    await bench.claim()
    running = await bench.running(job)
    await commit(bench.jobs, state.give_back(running, now=NOW + 1))
    await bench.jobs.release(job.job_id, "me")
    assert await bench.claim(after=1) == job.job_id


async def test_a_job_is_claimed_again_when_its_lease_expires(bench: Bench) -> None:
    job = await create(bench.jobs, sample_job())
    await bench.claim()
    await bench.running(job)
    assert await bench.claim("you", after=29) == "nothing"
    assert await bench.claim("you", after=30) == job.job_id


async def test_a_job_whose_worker_died_keeps_its_place_in_the_queue(bench: Bench) -> None:
    started = await create(bench.jobs, sample_job(now=NOW))
    await bench.claim()
    await create(bench.jobs, sample_job(now=NOW + 1))
    await commit(bench.jobs, state.start(started, now=NOW + 2))
    assert await bench.claim("you", after=30) == started.job_id


async def test_the_job_that_is_due_for_longest_comes_first(bench: Bench) -> None:
    created = [await create(bench.jobs, sample_job(now=NOW + age)) for age in (2, 1, 3)]
    order = [await bench.claim(after=5) for _ in created]
    assert order == [created[1].job_id, created[0].job_id, created[2].job_id]


async def test_jobs_of_the_user_with_fewer_running_jobs_come_first(bench: Bench) -> None:
    greedy = [await create(bench.jobs, sample_job(user_id="greedy", now=NOW + n)) for n in range(4)]
    nameless = [await create(bench.jobs, sample_job(now=NOW + 10 + n)) for n in range(2)]
    modest = await create(bench.jobs, sample_job(user_id="modest", now=NOW + 20))
    order = [await bench.claim(after=21) for _ in range(7)]
    expected = [greedy[0], nameless[0], modest, greedy[1], nameless[1], greedy[2], greedy[3]]
    assert order == [job.job_id for job in expected]


async def test_users_take_turns_where_one_job_runs_at_a_time(bench: Bench) -> None:
    names = "ana ana ana eva eva - - ana"
    users = [None if name == "-" else name for name in names.split()]
    created = [
        await create(bench.jobs, sample_job(now=NOW - 20 + at, user_id=user)) for at, user in enumerate(users)
    ]
    order = []
    for _ in created:
        job_id = await bench.claim()
        order.append(next(job.user_id for job in created if job.job_id == job_id))
        await commit(bench.jobs, cancel(await bench.jobs.get(job_id)))
    assert order == ["ana", "eva", None, "ana", "eva", None, "ana", "ana"]


async def test_the_turns_of_a_limited_number_of_users_are_remembered(bench: Bench) -> None:
    for at in range(70):
        job = await create(bench.jobs, sample_job(now=NOW - 100, user_id=f"user-{at}"))
        assert await bench.claim() == job.job_id
        await commit(bench.jobs, cancel(job))
    assert len(bench.queue._turns.users) == 64


async def test_jobs_with_expired_leases_do_not_count_as_running(bench: Bench) -> None:
    lost = await create(bench.jobs, sample_job(user_id="unlucky", now=NOW))
    await bench.claim()
    await create(bench.jobs, sample_job(user_id="other", now=NOW + 1))
    fresh = SqliteQueue(bench.database, now=lambda: bench.now)  # where no user had a turn
    assert await fresh.claim(NOW + 31, "you", 30) == lost.job_id


async def test_a_process_does_not_claim_a_job_that_it_still_runs(bench: Bench) -> None:
    """Without CPU time it may have missed the renewal of a lease."""
    job = await create(bench.jobs, sample_job())
    await bench.claim()
    assert await bench.claim(after=100, busy=frozenset({job.job_id})) == "nothing"
    assert await bench.claim(after=100) == job.job_id


async def test_of_many_claims_at_once_no_two_get_the_same_job(bench: Bench, tmp_path: Path) -> None:
    created = {(await create(bench.jobs, sample_job())).job_id for _ in range(20)}
    elsewhere = Database(tmp_path / "escriba.sqlite", busy_timeout=60)
    queues = [bench.queue, SqliteQueue(elsewhere, now=lambda: NOW)] * 15
    claimed = await asyncio.gather(*(queue.claim(NOW, str(n), 30) for n, queue in enumerate(queues)))
    assert sorted(job_id for job_id in claimed if job_id) == sorted(created)
    elsewhere.close()


async def test_a_put_notifies_the_worker_and_keeps_the_job_s_place_in_the_queue(bench: Bench) -> None:
    early = await create(bench.jobs, sample_job(now=NOW))
    await create(bench.jobs, sample_job(now=NOW + 1))
    bench.now = NOW + 100
    await bench.queue.put(early.job_id)
    assert bench.calls == 1
    assert await bench.claim(after=100) == early.job_id


async def test_a_put_without_delay_ends_a_wait(bench: Bench) -> None:
    job = await create(bench.jobs, sample_job())
    await bench.queue.put(job.job_id, delay=HOUR)
    assert await bench.claim(after=10) == "nothing"
    bench.now = NOW + 10
    await bench.queue.put(job.job_id)
    assert await bench.claim(after=10) == job.job_id


async def test_the_backlog_counts_all_jobs_that_still_have_to_run(bench: Bench) -> None:
    assert await bench.queue.backlog() == 0
    waits = await create(bench.jobs, sample_job())
    await bench.queue.put(waits.job_id, delay=100)
    await create(bench.jobs, sample_job())
    await create(bench.jobs, sample_pending_job())
    await bench.claim()
    assert await bench.queue.backlog() == 2
    await commit(bench.jobs, cancel(waits))
    assert await bench.queue.backlog() == 1


async def test_the_leases_of_dead_processes_are_released_at_once_and_no_others(bench: Bench) -> None:
    first, second, third = [await create(bench.jobs, sample_job(now=NOW + n)) for n in range(3)]
    for holder in ("dead", "dead too", "alive"):
        await bench.claim(holder, after=5)
    await bench.queue.release_all([])
    assert await bench.claim(after=6) == "nothing"
    await bench.queue.release_all(["dead", "dead too", "never was"])
    assert [await bench.claim(after=6) for _ in range(3)] == [first.job_id, second.job_id, "nothing"]
    await bench.jobs.renew(third.job_id, "alive", now=NOW + 6, seconds=30)


@pytest.mark.parametrize("step", [10.0, HOUR, 30 * 86_400.0])
async def test_a_clock_that_stepped_back_delays_no_job(bench: Bench, step: float) -> None:
    fresh = await create(bench.jobs, sample_job(now=NOW + step))
    orphan = await create(bench.jobs, sample_job(now=NOW + step))
    await commit(bench.jobs, state.start(orphan, now=NOW + step + 1))
    assert {await bench.claim(), await bench.claim()} == {fresh.job_id, orphan.job_id}


async def test_a_job_committed_before_the_clock_stepped_back_still_waits_its_time(bench: Bench) -> None:
    job = await create(bench.jobs, sample_job(now=NOW + HOUR))
    running = await commit(bench.jobs, state.start(job, now=NOW))
    await commit(bench.jobs, state.wait(running, until=NOW + 60, now=NOW, attempt_counts=False))
    assert await bench.claim(after=59) == "nothing"
    assert await bench.claim(after=60) == job.job_id


async def test_a_job_that_would_wait_more_than_a_day_is_due(bench: Bench) -> None:
    job = await bench.running(await create(bench.jobs, sample_job()))
    await commit(bench.jobs, state.wait(job, until=NOW + WEEK, now=NOW, attempt_counts=False))
    assert [late.job_id for late in await bench.jobs.overdue(now=NOW, limit=5)] == [job.job_id]
    assert await bench.claim() == job.job_id


async def test_a_job_that_waits_by_a_clock_that_was_ahead_is_due_after_a_start(bench: Bench) -> None:
    created = await bench.running(await create(bench.jobs, sample_job(now=NOW)))
    job = await commit(bench.jobs, state.wait(created, until=NOW + 2, now=NOW, attempt_counts=False))
    bench.now = NOW - HOUR
    assert await bench.claim(after=-HOUR) == "nothing"
    await bench.queue.correct_due_times()
    assert await bench.claim(after=-HOUR) == job.job_id


async def test_a_job_that_waits_by_this_clock_still_waits_after_a_start(bench: Bench) -> None:
    created = await bench.running(await create(bench.jobs, sample_job(now=NOW)))
    await commit(bench.jobs, state.wait(created, until=NOW + HOUR, now=NOW, attempt_counts=False))
    bench.now = NOW - 30  # clocks of two machines differ by that much
    await bench.queue.correct_due_times()
    assert await bench.claim(after=HOUR - 1) == "nothing"


# ── suspects ──────────────────────────────────────────────────────────────────────────────────────


async def test_a_suspect_is_claimed_only_when_nothing_runs_and_nothing_begins_meanwhile(bench: Bench) -> None:
    running = await create(bench.jobs, sample_job(now=NOW - 3))
    assert await bench.claim("here") == running.job_id
    suspect = await create(bench.jobs, sample_suspect(now=NOW - 1))
    other = await create(bench.jobs, sample_job(now=NOW - 2))
    assert await bench.claim("here", busy=frozenset({running.job_id})) == "nothing"
    assert await bench.claim("there") == "nothing"
    await commit(bench.jobs, cancel(running))
    assert await bench.claim("there") == suspect.job_id
    assert await bench.claim("here") == "nothing"
    await commit(bench.jobs, cancel(suspect))
    assert await bench.claim("here") == other.job_id


async def test_suspects_run_one_after_the_other(bench: Bench) -> None:
    created = [await create(bench.jobs, sample_suspect(now=NOW - 3 + n)) for n in range(3)]
    for job in created:
        assert await bench.claim() == job.job_id
        assert await bench.claim("there") == "nothing"
        await commit(bench.jobs, cancel(job))


async def test_a_suspect_that_waits_keeps_nothing_from_running(bench: Bench) -> None:
    suspect = await create(bench.jobs, sample_suspect())
    await bench.queue.put(suspect.job_id, delay=60)
    others = [await create(bench.jobs, sample_job(now=NOW - 2 + n)) for n in range(2)]
    assert [await bench.claim(after=59) for _ in range(3)] == [others[0].job_id, others[1].job_id, "nothing"]
    for job in others:
        await commit(bench.jobs, cancel(job))
    assert await bench.claim(after=60) == suspect.job_id


async def test_others_begin_as_soon_as_a_suspect_has_kept_a_piece(bench: Bench) -> None:
    suspect = await create(bench.jobs, sample_suspect(now=NOW - 1))
    other = await create(bench.jobs, sample_job())
    assert await bench.claim() == suspect.job_id
    running = await bench.running(suspect)
    assert await bench.claim() == "nothing"
    await commit(bench.jobs, state.add_piece(running, done=1, language=None, now=NOW))
    assert await bench.claim(busy=frozenset({suspect.job_id})) == other.job_id


async def test_a_job_that_runs_with_an_expired_lease_still_counts_as_running(
    bench: Bench,
) -> None:
    """Without CPU time, the process missed the renewals of its lease."""
    running = await create(bench.jobs, sample_job(now=NOW - 1))
    assert await bench.claim() == running.job_id
    suspect = await create(bench.jobs, sample_suspect())
    assert await bench.claim(after=100, busy=frozenset({running.job_id})) == "nothing"
    await commit(bench.jobs, cancel(running))
    assert await bench.claim(after=100) == suspect.job_id
    await create(bench.jobs, sample_job(now=NOW + 100))
    assert await bench.claim(after=200, busy=frozenset({suspect.job_id})) == "nothing"


async def test_a_suspect_of_a_dead_process_blocks_nothing_once_its_lease_has_expired(bench: Bench) -> None:
    suspect = await create(bench.jobs, sample_suspect())
    assert await bench.claim("dead") == suspect.job_id
    assert await bench.claim(after=29) == "nothing"
    assert await bench.claim(after=30) == suspect.job_id


async def test_of_many_claims_at_once_one_gets_a_suspect_and_the_others_nothing(
    bench: Bench, tmp_path: Path
) -> None:
    created = {(await create(bench.jobs, sample_suspect())).job_id for _ in range(5)}
    for _ in range(5):
        await create(bench.jobs, sample_job())
    elsewhere = Database(tmp_path / "escriba.sqlite", busy_timeout=60)
    queues = [bench.queue, SqliteQueue(elsewhere, now=lambda: NOW)] * 10
    claimed = await asyncio.gather(*(queue.claim(NOW, str(n), 30) for n, queue in enumerate(queues)))
    assert len(created & {job_id for job_id in claimed if job_id}) == 1
    assert sum(job_id is not None for job_id in claimed) == 1
    elsewhere.close()


async def test_jobs_of_an_older_file_are_no_suspects(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "old.sqlite"
    monkeypatch.setattr(module, "MIGRATIONS", MIGRATIONS[:1])
    older = Database(path)
    await older.write(lambda db: db.execute(_OLD_ROW, {"now": NOW}))
    older.close()
    monkeypatch.undo()
    newer = Bench(path)
    job_id = await newer.claim(after=1)
    job = await newer.jobs.lease(job_id, "me", now=NOW + 1, seconds=30)
    assert (job.status, job.attempts, job.deaths) == ("processing", 2, 0)
    recorded = await commit(newer.jobs, state.record_death(job, isolated=False, now=NOW + 1))
    assert (recorded.deaths, recorded.attempts) == (1, 1)
    newer.database.close()


# As the first schema's release wrote it.
_OLD_ROW = """
    INSERT INTO jobs VALUES (
        '3f0c1f0e-6c1f-4d0e-9a53-5d1f0a7f2f10', 3, 'processing', NULL,
        '{"jobId":"3f0c1f0e-6c1f-4d0e-9a53-5d1f0a7f2f10","status":"processing","stage":"prepare","seq":3,'
        || '"run":1,"attempts":2,"progress":0.0,"chunksDone":0,"createdAt":1.0,"updatedAt":1.0,'
        || '"startedAt":1.0,"expiresAt":9.0,"options":{"timestamps":["segment"],"task":"transcribe",'
        || '"guard":true},"reader":"en"}',
        :now, NULL, NULL, NULL, 1.0, 1.0, 9.0
    )
"""
