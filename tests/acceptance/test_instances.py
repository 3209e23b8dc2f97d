"""Several instances over one Postgres and one bucket are one service, whichever of them a client reaches."""

from __future__ import annotations

import json
import random
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from websockets.sync.client import connect

from tests.acceptance.api import Api, calls, text_of
from tests.acceptance.client import tone
from tests.cluster import Cluster
from tests.replies import Reply
from tests.serving import wait_until
from tests.upstream import Upstream, not_before

RANDOM = random.Random(17)


@pytest.fixture
def cluster(tmp_path: Path, upstream: Upstream) -> Iterator[Callable[..., Cluster]]:
    made: list[Cluster] = []

    def make(**settings: str) -> Cluster:
        made.append(Cluster(tmp_path, upstream, **settings))
        return made[-1]

    yield make
    for each in made:
        each.stop()


def states(url: str, job_id: str) -> list[tuple[float, str]]:
    """Each status as an event stream brings it, with the time when it came."""
    seen: list[tuple[float, str]] = []
    with httpx.stream("GET", f"{url}/job/{job_id}/events", timeout=60) as answer:
        for line in answer.iter_lines():
            if line.startswith("data:"):
                message = json.loads(line.removeprefix("data:"))
                seen.append((time.monotonic(), message.get("status") or message["job"]["status"]))
    return seen


def test_ten_instances_that_start_at_once_make_the_tables_once(
    cluster: Callable[..., Cluster], upstream: Upstream
) -> None:
    made = cluster()
    with ThreadPoolExecutor(4) as pool:
        instances = list(pool.map(lambda _: made.start(), range(4)))
    audio = tone(RANDOM)
    job_id = Api(instances[0].url).accepted(audio)
    assert {Api(instance.url).completed(job_id) for instance in instances} == {text_of(audio)}
    assert len(calls(upstream, audio)) == 1
    wait_until(lambda: made.recordings() == [])
