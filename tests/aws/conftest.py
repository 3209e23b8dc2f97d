"""A table, a queue and a bucket on the emulator, with stand-ins for Groq and for open WebSockets."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.aws.world import World, world_of
from tests.upstream import Upstream


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--chaos", type=int, default=20, help="how many jobs run while workers are killed")


@pytest.fixture
def world(upstream: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with world_of(upstream, tmp_path_factory.mktemp("aws")) as world:
        yield world
