"""The queue is listed once a second for all forecasts, and a job that came since has one all the same."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from common.jobs.estimates import start_of, start_of_new
from common.ports import TaskQueue
from common.queued_job import QueuedJob
from tests.contract.sample_jobs import NOW, create, sample_job
from tests.contract.services import services_over
from tests.contract.targets import DeploymentTarget, container


class Listed:
    """A queue that counts how often it is listed."""

    def __init__(self, queue: TaskQueue) -> None:
        self.put, self.backlog = queue.put, queue.backlog
        self._queue, self.times = queue, 0

    async def waiting(self, *, limit: int) -> list[QueuedJob] | None:
        self.times += 1
        return await self._queue.waiting(limit=limit)


@pytest.fixture
def target(tmp_path: Path) -> Iterator[DeploymentTarget]:
    with container(tmp_path) as target:
        yield target


async def test_many_who_ask_list_the_queue_once(target: DeploymentTarget, tmp_path: Path) -> None:
    queue = Listed(target.queue)
    services = replace(services_over(target, tmp_path, now=lambda: NOW), queue=queue)
    first = await create(target.jobs, sample_job())
    assert await start_of(services, first) == NOW
    late = await create(target.jobs, sample_job("00000000-0000-4000-8000-000000000002"))
    expected = NOW if services.settings.jobs_at_once > 1 else NOW + services.active.run_seconds / 2
    for _ in range(20):
        assert await start_of(services, late) == expected
        assert await start_of_new(services, 60) == expected
    assert queue.times == 1
