"""What the acceptance tests share: a stand-in for Groq, and how often the violent ones are repeated."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.server import Server
from tests.upstream import Upstream


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--rounds", type=int, default=6, help="how often the server is killed")
    parser.addoption("--cluster-rounds", type=int, default=4, help="how often instances are killed")
    parser.addoption("--rolls", type=int, default=2, help="how often an instance replaces another")
    parser.addoption("--attempts", type=int, default=2, help="MAX_ATTEMPTS for a job that kills the server")
    parser.addoption("--soak", type=int, default=100, help="how many jobs go to a faulty Convex")
    parser.addoption("--kills", type=int, default=3, help="how often API or Convex is killed amid news")
    parser.addoption("--stretches", type=int, default=2, help="of a job that is killed while it listens")
    parser.addoption("--away", type=float, default=4, help="for how many seconds Convex is away")
    parser.addoption("--fuzz", type=int, default=0, help="for how many seconds schemathesis runs")
    parser.addoption("--requests", type=int, default=150, help="hostile and good ones, which leave nothing")
    parser.addoption("--all-formats", action="store_true", help="half an hour by the real engine in each")
    parser.addoption("--seed", type=int, default=None, help="repeat a run that failed")


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    """Start a server on `tmp_path / "data"` with these settings; it is gone after the test in any case."""
    started: list[Server] = []

    def start_server(**environment: str) -> Server:
        server = Server(tmp_path / "data", LOG_LEVEL="WARNING", **environment)
        started.append(server)
        return server.start()

    yield start_server
    for server in started:
        if server.process is not None and server.process.poll() is None:
            server.kill()


@pytest.fixture(scope="module")
def engine() -> Iterator[Upstream]:
    """The stand-in for Groq that all tests of a module share, with the server in front of it."""
    with Upstream() as running:
        yield running


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    with Upstream() as running:
        yield running
