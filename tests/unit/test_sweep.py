"""What time does to jobs, where strangers have made many."""

from __future__ import annotations

from pathlib import Path

import pytest

from common.errors import JobNotFound
from common.jobs import state
from common.jobs.actions import discard
from common.jobs.commit import commit_job
from common.jobs.sweep import sweep
from common.models import Job
from tests.job_service import JobService

QUARTER, HOUR, WEEK = 900.0, 3600.0, 7 * 24 * 3600.0


def stands(server: JobService, job: Job) -> Job:
    return server.call(server.services.jobs.get(job.job_id))


def later(server: JobService, seconds: float) -> None:
    server.clock += seconds
    server.call(sweep(server.services))


def test_a_job_whose_audio_never_came_fails_and_is_forgotten_an_hour_later(tmp_path: Path) -> None:
    with JobService(tmp_path) as server:
        job = server.call(server.pending())
        later(server, QUARTER + 1)
        failed = stands(server, job)
        assert failed.error
        assert (failed.status, failed.error.code) == ("failed", "upload_expired")
        later(server, HOUR + 1)
        with pytest.raises(JobNotFound):
            stands(server, job)


def test_one_that_was_cancelled_before_its_audio_came_is_forgotten_as_soon(tmp_path: Path) -> None:
    with JobService(tmp_path) as server:
        job = server.call(server.pending())
        server.call(discard(server.services, job.job_id))
        later(server, HOUR + 1)
        with pytest.raises(JobNotFound):
            stands(server, job)


def test_one_that_had_audio_is_remembered_for_a_week(tmp_path: Path) -> None:
    with JobService(tmp_path) as server:
        job = server.call(server.accepted())
        server.call(discard(server.services, job.job_id))
        later(server, WEEK - 1)
        assert stands(server, job).erased_at is not None
        later(server, 2)
        with pytest.raises(JobNotFound):
            stands(server, job)


@pytest.mark.parametrize("waits", [True, False])
def test_one_that_still_waits_to_run_when_its_time_is_up_goes_on_waiting(tmp_path: Path, waits: bool) -> None:
    with JobService(tmp_path) as server:
        job = server.call(server.started() if waits else server.accepted())
        if waits:
            spent = state.wait(job, until=server.now() + WEEK, now=server.now(), attempt_counts=False)
            job = server.call(commit_job(server.services, spent))
        later(server, WEEK)
        after = stands(server, job)
        assert (after.status, after.error) == (job.status, None)
        assert after.expires_at > server.now()


def test_many_that_strangers_left_do_not_keep_what_was_promised_to_go(tmp_path: Path) -> None:
    with JobService(tmp_path) as server:
        for _ in range(210):
            server.call(server.pending())
        job = server.call(server.started(1))
        heard = server.call(server.heard(job, "private words"))
        done = state.complete(heard, language="es", now=server.now(), expires_at=server.now() + QUARTER + 2)
        server.call(commit_job(server.services, done))
        later(server, QUARTER + 3)
        assert stands(server, job).erased_at is not None
        assert server.call(server.services.jobs.pieces(job.job_id)) == []
