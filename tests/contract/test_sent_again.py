"""A request that comes again after its job has nothing left runs anew, over every store."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import pytest

from common.errors import AudioGone, AudioUnreadable, EscribaError, UploadExpired
from common.jobs import state
from common.jobs.actions import discard
from common.jobs.commit import commit_job
from common.jobs.events import make_event
from common.jobs.submit import JobRequest, submit
from common.models import Audio, Job, Options, Piece, Transcript
from common.services import Services
from tests.contract.sample_jobs import NOW
from tests.contract.services import services_over
from tests.contract.targets import DeploymentTarget

RECORDING = b"a recording"
AUDIO = Audio(size_bytes=len(RECORDING), sha256="a" * 64)
TRANSCRIPT = Transcript(text="hola", duration=1.0)


class Clock:
    now = NOW


@pytest.fixture
def services(target: DeploymentTarget, tmp_path: Path) -> Services:
    return services_over(target, tmp_path, now=lambda: Clock.now)


@pytest.fixture(autouse=True)
def _clock() -> None:
    Clock.now = NOW


async def send(services: Services, request: JobRequest) -> Job:
    file = services.scratch / str(uuid4())
    file.write_bytes(RECORDING)
    return await submit(services, request, file, AUDIO)


async def complete(services: Services, job: Job) -> Job:
    """The job as a worker leaves it, with one piece and its text."""
    now = Clock.now
    await services.jobs.lease(job.job_id, "worker", now=now, seconds=30)
    job = await commit_job(services, state.start(job, now=now))
    await services.jobs.keep_piece(
        job.job_id, Piece(index=0, start=0, transcript=TRANSCRIPT), holder="worker"
    )
    done = state.complete(job, language="es", now=now, expires_at=services.retention_end(now))
    await services.jobs.commit(done, make_event(done), result=TRANSCRIPT)
    return done


async def fail(services: Services, job: Job, error: EscribaError) -> Job:
    now = Clock.now
    return await commit_job(services, state.fail(job, error, now=now, expires_at=services.retention_end(now)))


async def _delete(services: Services, job: Job) -> Job:
    return await discard(services, (await complete(services, job)).job_id)


async def _cancel(services: Services, job: Job) -> Job:
    return await discard(services, job.job_id)


async def _expire(services: Services, job: Job) -> Job:
    done = await complete(services, job)
    Clock.now = done.expires_at + 1
    return done


async def _lose_audio(services: Services, job: Job) -> Job:
    await services.audio.remove(job.job_id)
    return await fail(services, job, AudioGone())


async def _wait_in_vain(services: Services, job: Job) -> Job:
    return await fail(services, job, UploadExpired())


@pytest.mark.parametrize("end", [_delete, _cancel, _expire, _lose_audio, _wait_in_vain])
async def test_it_runs_anew(services: Services, end: Callable[..., asyncio.Future[Job]]) -> None:
    request = JobRequest(str(uuid4()), Options())
    first = await send(services, request)
    before = await end(services, first)
    again = await send(services, request)
    assert (again.job_id, again.status, again.run) == (first.job_id, "queued", first.run + 1)
    assert again.seq > before.seq
    assert (again.error, again.erased_at, again.language, again.completed_at) == (None, None, None, None)
    assert again.expires_at > Clock.now
    assert await services.audio.has(again.job_id)
    assert await services.jobs.pieces(again.job_id) == []
    assert await services.jobs.result(again.job_id) is None
    assert (await complete(services, again)).status == "completed"
    assert await services.jobs.result(again.job_id) == TRANSCRIPT


async def test_what_can_still_be_read_or_retried_stays(services: Services) -> None:
    request = JobRequest(str(uuid4()), Options())
    done = await complete(services, await send(services, request))
    assert await send(services, request) == done
    request = JobRequest(str(uuid4()), Options())
    failed = await fail(services, await send(services, request), AudioUnreadable())
    assert await send(services, request) == failed


async def test_of_two_at_once_one_starts_the_run(services: Services) -> None:
    request = JobRequest(str(uuid4()), Options())
    deleted = await _cancel(services, await send(services, request))
    both = await asyncio.gather(send(services, request), send(services, request))
    assert {(job.job_id, job.run) for job in both} == {(deleted.job_id, deleted.run + 1)}
    assert (await services.jobs.get(deleted.job_id)).status == "queued"
    assert await services.audio.has(deleted.job_id)
