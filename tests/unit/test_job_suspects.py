"""Which jobs run alone after their process died, how long they wait, and what counts as an attempt."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.jobs import state, suspects
from common.models import Job
from tests.contract.sample_jobs import NOW, cancel, sample_job


def after_deaths(count: int, *, isolated: bool = False) -> Job:
    job = sample_job()
    for _ in range(count):
        job = state.record_death(state.start(job, now=NOW), isolated=isolated, now=NOW)
    return job


@pytest.mark.parametrize(("deaths", "is_suspect"), [(0, False), (1, False), (2, True), (9, True)])
def test_a_job_that_was_running_at_two_deaths_is_a_suspect(deaths: int, is_suspect: bool) -> None:
    assert suspects.is_suspect(after_deaths(deaths)) is is_suspect


def test_a_suspect_that_has_ended_is_none() -> None:
    assert not suspects.is_suspect(cancel(after_deaths(3)))


def test_only_deaths_alone_are_attempts() -> None:
    assert [after_deaths(count).attempts for count in range(6)] == [0, 0, 0, 1, 2, 3]


def test_where_every_run_is_isolated_each_death_is_an_attempt() -> None:
    assert [after_deaths(count, isolated=True).attempts for count in range(4)] == [0, 1, 2, 3]


def test_a_death_is_recorded_as_a_wait_that_grows_from_nothing_to_a_quarter_of_an_hour() -> None:
    jobs = [after_deaths(count) for count in range(1, 8)]
    assert {job.status for job in jobs} == {"waiting"}
    assert [(job.waiting_until or 0) - NOW for job in jobs] == [0, 0, 0, 60, 900, 900, 900]


def test_where_every_run_is_isolated_the_waits_grow_from_the_first_death() -> None:
    jobs = [after_deaths(count, isolated=True) for count in range(1, 5)]
    assert [(job.waiting_until or 0) - NOW for job in jobs] == [0, 60, 900, 900]


def test_a_kept_piece_clears_the_record() -> None:
    running = state.start(after_deaths(5), now=NOW)
    assert running.deaths == 5
    gained = state.add_piece(running, done=1, language=None, now=NOW)
    assert (gained.deaths, gained.attempts) == (0, 1)
    assert not suspects.is_suspect(gained)


def test_a_shutdown_and_a_wait_for_quota_count_no_death_and_clear_none() -> None:
    running = state.start(after_deaths(2), now=NOW)
    assert state.give_back(running, now=NOW).deaths == 2
    assert state.wait(running, until=NOW + 9, now=NOW, attempt_counts=False).deaths == 2


def test_a_retry_begins_without_a_record() -> None:
    failed = state.interrupt(after_deaths(6), now=NOW, expires_at=NOW + 9)
    assert failed.error
    assert failed.error.details == {"attempts": 6}
    again = state.retry(failed, now=NOW, expires_at=NOW + 9, has_audio=True)
    assert (again.deaths, again.attempts) == (0, 0)


@given(suspect_runs=st.booleans(), other_runs=st.booleans(), suspect_is_due=st.booleans())
def test_nothing_ever_begins_beside_a_suspect(
    suspect_runs: bool, other_runs: bool, suspect_is_due: bool
) -> None:
    turn = suspects.next_turn(suspect_runs=suspect_runs, other_runs=other_runs, suspect_is_due=suspect_is_due)
    if suspect_runs:
        assert turn == "nobody"
    elif suspect_is_due:
        assert turn == ("nobody" if other_runs else "suspects")
    else:
        assert turn == "others"
