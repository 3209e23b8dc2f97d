"""One container and one Lambda sandbox for all endpoint tests, with the same stand-in for Groq."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.emulator import emulator
from tests.endpoints.targets import Targets
from tests.server import Server
from tests.stack import QueueReader, stack_of
from tests.upstream import KEY, Upstream


@pytest.fixture(scope="session")
def targets(upstream_server: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Targets]:
    environment = {
        "GROQ_API_KEY": KEY,
        "GROQ_BASE_URL": upstream_server.url,
        "CORS_ORIGINS": "https://page.example",
        "LOG_LEVEL": "WARNING",
        "CACHE_MB": "0",
        "DOWNLOAD_PRIVATE_ADDRESSES": "true",
        "MAX_UPLOAD_MB": "3",
        "MAX_AUDIO_MINUTES": "60",
        "SPEAKERS": "false",  # on AWS there are none; tests/acceptance/test_speakers.py has them
    }
    with pytest.MonkeyPatch.context() as patch, stack_of(emulator()) as names:
        resources = {"JOBS_TABLE": names.table, "AUDIO_BUCKET": names.bucket, "QUEUE_URL": names.queue}
        for name, value in (emulator().environment | environment | resources).items():
            patch.setenv(name, value)
        with Server(tmp_path_factory.mktemp("endpoints") / "data", **environment) as server:
            yield Targets(server, QueueReader(emulator(), names.queue))
