"""A recording that is taken in while the sweep prolongs its job is never lost, over every store."""

from __future__ import annotations

from pathlib import Path
from uuid import uuid4

import pytest

from common.audio.ffmpeg import Ffmpeg
from common.groq.client import Groq
from common.jobs import state
from common.jobs.commit import commit_job
from common.jobs.ids import new_job_id
from common.jobs.submit import JobRequest, attach_audio, create_pending
from common.models import Audio, Job, Options
from common.services import Services
from common.settings import Settings
from tests.contract.sample_jobs import NOW
from tests.contract.targets import DeploymentTarget

AUDIO = Audio(size_bytes=11, sha256="a" * 64)


@pytest.fixture
def services(target: DeploymentTarget, tmp_path: Path) -> Services:
    return Services(
        settings=Settings(data_dir=tmp_path),
        ffmpeg=Ffmpeg(at_once=1),
        engine=Groq(base_url="http://127.0.0.1:9", api_key=None, model="whisper-large-v3-turbo"),
        engine_problem=None,
        scratch=tmp_path,
        now=lambda: NOW,
        started_at=0,
        jobs=target.jobs,
        audio=target.audio,
        queue=target.queue,
        subscribers=target.subscribers,
        quota=None,
    )


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
