"""How a sweep expires jobs, however many there are."""

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


def stored(server: JobService, job: Job) -> Job:
    return server.call(server.services.jobs.get(job.job_id))


def sweep_after(server: JobService, seconds: float) -> None:
    server.clock += seconds
    server.call(sweep(server.services))


def test_a_job_whose_audio_never_came_fails_and_is_forgotten_an_hour_later(tmp_path: Path) -> None:
    with JobService(tmp_path) as server:
        job = server.call(server.create_pending())
        sweep_after(server, QUARTER + 1)
        failed = stored(server, job)
        assert failed.error
        assert (failed.status, failed.error.code) == ("failed", "upload_expired")
        sweep_after(server, HOUR + 1)
        with pytest.raises(JobNotFound):
            stored(server, job)


def test_a_job_cancelled_before_its_audio_came_is_forgotten_as_soon(tmp_path: Path) -> None:
    with JobService(tmp_path) as server:
        job = server.call(server.create_pending())
        server.call(discard(server.services, job.job_id))
        sweep_after(server, HOUR + 1)
        with pytest.raises(JobNotFound):
            stored(server, job)


def test_a_job_that_had_audio_is_remembered_for_a_week(tmp_path: Path) -> None:
    with JobService(tmp_path) as server:
        job = server.call(server.create_queued())
        server.call(discard(server.services, job.job_id))
        sweep_after(server, WEEK - 1)
        assert stored(server, job).erased_at is not None
        sweep_after(server, 2)
        with pytest.raises(JobNotFound):
            stored(server, job)


@pytest.mark.parametrize("waits", [True, False])
def test_a_job_that_still_has_to_run_when_it_expires_stays(tmp_path: Path, waits: bool) -> None:
    with JobService(tmp_path) as server:
        job = server.call(server.create_running() if waits else server.create_queued())
        if waits:
            waiting = state.wait(job, until=server.now() + WEEK, now=server.now(), attempt_counts=False)
            job = server.call(commit_job(server.services, waiting))
        sweep_after(server, WEEK)
        after = stored(server, job)
        assert (after.status, after.error) == (job.status, None)
        assert after.expires_at > server.now()


def test_many_expired_jobs_of_strangers_do_not_delay_an_erasure(tmp_path: Path) -> None:
    with JobService(tmp_path) as server:
        for _ in range(210):
            server.call(server.create_pending())
        job = server.call(server.create_running(1))
        job = server.call(server.add_piece(job, "private words"))
        done = state.complete(job, language="es", now=server.now(), expires_at=server.now() + QUARTER + 2)
        server.call(commit_job(server.services, done))
        sweep_after(server, QUARTER + 3)
        assert stored(server, job).erased_at is not None
        assert server.call(server.services.jobs.pieces(job.job_id)) == []
