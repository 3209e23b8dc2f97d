"""A job that is cancelled while its recording is being kept leaves no recording behind."""

from __future__ import annotations

import uuid
from dataclasses import replace
from pathlib import Path

import pytest

from common.aws.clients import Clients
from common.aws.s3_audio import S3Audio
from common.jobs.actions import discard
from common.jobs.submit import JobRequest, submit
from common.lambda_entry.sandbox import compose
from common.models import Audio, Options
from tests.aws.world import World


async def test_a_job_cancelled_between_its_row_and_its_recording_leaves_no_recording(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in world.environment.items():
        monkeypatch.setenv(name, value)
    sandbox = compose()

    class CancellingAudio(S3Audio):
        async def keep(self, job_id: str, file: Path) -> None:
            await discard(sandbox.services, job_id)
            await super().keep(job_id, file)

    audio = CancellingAudio(Clients(), world.names.bucket, ticket_seconds=300)
    file = tmp_path / "voz.wav"
    file.write_bytes(b"RIFF")
    request = JobRequest(job_id=str(uuid.uuid4()), options=Options())
    job = await submit(
        replace(sandbox.services, audio=audio), request, file, Audio(size_bytes=4, sha256="0" * 64)
    )
    assert job.status == "cancelled"
    objects = world.emulator.client("s3").list_objects_v2(Bucket=world.names.bucket)
    assert objects.get("Contents", []) == []
    assert world.messages() == []
