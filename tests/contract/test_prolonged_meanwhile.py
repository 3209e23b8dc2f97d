"""A recording that is taken in while the sweep prolongs its job is never lost, over every store."""

from __future__ import annotations

from pathlib import Path
from uuid import uuid4

import pytest

from common.jobs import state
from common.jobs.commit import commit_job
from common.jobs.ids import new_job_id
from common.jobs.submit import JobRequest, attach_audio, create_pending
from common.models import Audio, Job, Options
from common.services import Services
from tests.contract.sample_jobs import NOW
from tests.contract.services import services_over
from tests.contract.targets import DeploymentTarget

AUDIO = Audio(size_bytes=11, sha256="a" * 64)


@pytest.fixture
def services(target: DeploymentTarget, tmp_path: Path) -> Services:
    return services_over(target, tmp_path, now=lambda: NOW)


async def prolong(services: Services, job_id: str) -> None:
    job = await services.jobs.get(job_id)
    await commit_job(services, state.prolong(job, now=NOW, expires_at=NOW + 900), "progress")


async def attach(services: Services, job: Job) -> Job:
    file = services.scratch / str(uuid4())
    file.write_bytes(b"a recording")
    return await attach_audio(services, job, file, AUDIO)


async def test_before_the_job_names_its_recording(services: Services) -> None:
    job = await create_pending(services, JobRequest(new_job_id(), Options()))
    for _ in range(3):
        await prolong(services, job.job_id)
    assert (await attach(services, job)).status == "queued"
    assert await services.audio.has(job.job_id)


async def test_after_the_recording_is_kept(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    job = await create_pending(services, JobRequest(new_job_id(), Options()))
    keep = services.audio.keep

    async def keep_slowly(job_id: str, file: Path) -> None:
        await keep(job_id, file)
        await prolong(services, job_id)

    monkeypatch.setattr(services.audio, "keep", keep_slowly)
    assert (await attach(services, job)).status == "queued"
    assert (await services.jobs.get(job.job_id)).status == "queued"
    assert await services.audio.has(job.job_id)
