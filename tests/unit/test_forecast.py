"""When jobs that wait are expected to start."""

from __future__ import annotations

import time

import pytest

from common.jobs.forecast import Pace, forecast, in_turn, seconds_of, size_of
from common.queued_job import QueuedJob
from common.quota import Quota

NOW = 1_800_000_000.0
IDLE = Pace(at_once=2, running=0, run_seconds=10.0)


def queued(
    job_id: str, client: str = "a", user: str | None = None, *, due: float = NOW, minutes: float = 1
) -> QueuedJob:
    return QueuedJob(job_id, client, user, due, size_of(minutes * 60), is_first_run=True)


def test_jobs_start_as_workers_become_free() -> None:
    jobs = [queued(name, due=NOW - 9 + n) for n, name in enumerate("vwxyz")]
    starts = forecast(jobs, now=NOW, pace=IDLE, quota=None)
    assert [starts[name] - NOW for name in "vwxyz"] == [0, 0, 5, 5, 15]
    busy = Pace(at_once=2, running=2, run_seconds=10.0)
    assert forecast(jobs[:1], now=NOW, pace=busy, quota=None) == {"v": NOW + 5}


def test_a_newcomer_is_told_that_it_comes_before_the_second_job_of_another() -> None:
    greedy = [queued(f"g{n}", "greedy", due=NOW - 9 + n) for n in range(4)]
    order = [job.job_id for job in in_turn([*greedy, queued("m", "modest")], now=NOW)]
    assert order == ["g0", "m", "g1", "g2", "g3"]


def test_short_recordings_come_before_the_second_long_one() -> None:
    long = [queued(f"l{n}", "long", due=NOW - 9 + n, minutes=60) for n in range(2)]
    short = [queued(f"s{n}", "short", due=NOW - 3 + n) for n in range(3)]
    assert [job.job_id for job in in_turn([*long, *short], now=NOW)] == ["l0", "s0", "s1", "s2", "l1"]


def test_the_quota_delays_what_it_cannot_let_through_and_jobs_are_not_early() -> None:
    quota = Quota(at=NOW).take(NOW, 7_100)[0]
    starts = forecast([queued("x", minutes=10)], now=NOW, pace=IDLE, quota=quota)
    assert starts["x"] - NOW == pytest.approx(250, abs=1)  # 500 s too many, at 2 s a second
    waits = queued("y", due=NOW + 90)
    assert forecast([waits], now=NOW, pace=IDLE, quota=None)["y"] == NOW + 90


def test_a_recording_of_unknown_length_counts_as_some_minutes() -> None:
    assert seconds_of(None) == 300
    assert seconds_of(size_of(61)) == pytest.approx(61)


def test_a_thousand_jobs_of_a_thousand_clients_are_ordered_in_a_moment() -> None:
    jobs = [queued(str(n), str(n % 1000), due=NOW - n) for n in range(2000)]
    since = time.process_time()
    assert len(list(in_turn(jobs, now=NOW))) == 2000
    assert time.process_time() - since < 1
