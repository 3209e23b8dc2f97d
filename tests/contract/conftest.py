"""Each contract test runs once for every deployment target."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from common.ports import AudioStore, JobStore, QuotaStore, TaskQueue
from tests.contract.targets import DEPLOYMENT_TARGETS, DeploymentTarget


@pytest.fixture(params=DEPLOYMENT_TARGETS)
def target(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[DeploymentTarget]:
    with DEPLOYMENT_TARGETS[request.param](tmp_path) as opened:
        yield opened


@pytest.fixture
def jobs(target: DeploymentTarget) -> JobStore:
    return target.jobs


@pytest.fixture
def queue(target: DeploymentTarget) -> TaskQueue:
    return target.queue


@pytest.fixture
def audio(target: DeploymentTarget) -> AudioStore:
    return target.audio


@pytest.fixture
def quota(target: DeploymentTarget) -> QuotaStore:
    return target.quota
