"""Tables, queues and buckets on the emulator, the stand-in for Groq, and who listens to posted messages."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.aws.world import KEY, World, world_of
from tests.upstream import Upstream


@pytest.fixture(scope="session")
def upstream_server() -> Iterator[Upstream]:
    with Upstream(key=KEY) as upstream:
        yield upstream


@pytest.fixture
def upstream(upstream_server: Upstream) -> Upstream:
    """The stand-in, with nothing scripted and nothing seen."""
    upstream_server.script.clear()
    upstream_server.by_sha256.clear()
    upstream_server.seen.clear()
    upstream_server.ear = None
    return upstream_server


@pytest.fixture
def world(upstream: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with world_of(upstream, tmp_path_factory.mktemp("aws")) as world:
        yield world
