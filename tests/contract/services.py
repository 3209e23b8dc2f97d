"""The services of a handler over the adapters of one deployment target; no engine answers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from common.audio.ffmpeg import Ffmpeg
from common.groq.client import Groq
from common.services import Services
from common.settings import Settings
from tests.contract.targets import DeploymentTarget


def services_over(target: DeploymentTarget, folder: Path, *, now: Callable[[], float]) -> Services:
    return Services(
        settings=Settings(data_dir=folder, retention_hours=1),
        ffmpeg=Ffmpeg(at_once=1),
        engine=Groq(base_url="http://127.0.0.1:9", api_key=None, model="whisper-large-v3-turbo"),
        engine_problem=None,
        scratch=folder,
        now=now,
        started_at=0,
        jobs=target.jobs,
        audio=target.audio,
        queue=target.queue,
        subscribers=target.subscribers,
        quota=None,
    )
