"""Each contract test runs once for every home."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from common.ports import AudioStore, JobStore, QuotaStore, TaskQueue
from tests.contract.homes import HOMES, Home


@pytest.fixture(params=HOMES)
def home(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Home]:
    with HOMES[request.param](tmp_path) as opened:
        yield opened


@pytest.fixture
def jobs(home: Home) -> JobStore:
    return home.jobs


@pytest.fixture
def tasks(home: Home) -> TaskQueue:
    return home.tasks


@pytest.fixture
def audio(home: Home) -> AudioStore:
    return home.audio


@pytest.fixture
def quota(home: Home) -> QuotaStore:
    return home.quota
