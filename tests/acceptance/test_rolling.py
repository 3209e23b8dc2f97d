"""A deployment under load: a new instance starts, the old one gets SIGTERM, and no client notices more than a
connection that it has to open again.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from random import Random

import httpx
import pytest

from tests.acceptance.api import calls
from tests.acceptance.client import Submitted, tone
from tests.cluster import Cluster
from tests.replies import Reply
from tests.serving import wait_until
from tests.upstream import Upstream

CLIENTS = 4
_LONGEST = 120.0  # seconds for one job on a busy machine


class Load:
    """Clients that each submit a recording, watch it to its end, and begin again. `url` names who serves now.

    `refused` are answers that no client can do anything about; broken connections are tried again.
    """

    def __init__(self, url: Callable[[], str], chance: Random) -> None:
        self.url = url
        self.jobs: list[Submitted] = []
        self.ends: dict[str, str] = {}
        self.refused: list[str] = []
        self._chance = chance
        self._is_over = threading.Event()

    @contextmanager
    def running(self) -> Iterator[None]:
        with ThreadPoolExecutor(CLIENTS) as pool:
            clients = [pool.submit(self._work) for _ in range(CLIENTS)]
            try:
                yield
            finally:
                self._is_over.set()
            for client in clients:
                client.result(_LONGEST * 2)

    def _work(self) -> None:
        while not self._is_over.is_set():
            job = Submitted(tone(self._chance))
            self.jobs.append(job)
            self._retry(lambda job=job: self._submit(job))  # type: ignore[misc]
            self._watch(job)

    def _retry(self, call: Callable[[], bool]) -> None:
        """Until `call` is done, over connections that break."""
        deadline = time.monotonic() + _LONGEST
        while time.monotonic() < deadline:
            with suppress(httpx.TransportError):
                if call():
                    return
            time.sleep(0.05)
        raise AssertionError("it took too long")

    def _submit(self, job: Submitted) -> bool:
        answer = httpx.post(
            f"{self.url()}/transcribe-job",
            files={"file": ("a.wav", job.audio)},
            data={"jobId": job.job_id},
            timeout=60,
        )
        if answer.status_code != 202:
            self.refused.append(f"{answer.status_code} {answer.text}")
        job.accepted = answer.status_code == 202
        return True

    def _watch(self, job: Submitted) -> None:
        place: dict[str, str] = {}
        self._retry(lambda: self._follow(job, place))

    def _follow(self, job: Submitted, place: dict[str, str]) -> bool:
        """One connection of an event stream, from the last event on; whether it showed the end."""
        url = f"{self.url()}/job/{job.job_id}/events"
        with httpx.stream("GET", url, headers=place, timeout=60) as answer:
            if answer.status_code != 200:
                self.refused.append(f"{answer.status_code} {url}")
            for line in answer.iter_lines():
                if line.startswith("id: "):
                    place["Last-Event-ID"] = line.removeprefix("id: ")
                if line.startswith("data: "):
                    status = json.loads(line.removeprefix("data: "))["job"]["status"]
                    self.ends[job.job_id] = status
        return self.ends.get(job.job_id) in {"completed", "failed", "cancelled"}


def test_a_rolling_deployment_refuses_nothing_and_loses_nothing(
    tmp_path: Path, upstream: Upstream, request: pytest.FixtureRequest
) -> None:
    upstream.default = Reply(delay=0.7)
    chance = Random(request.config.getoption("--seed") or 21)
    cluster = Cluster(tmp_path, upstream, {"UPLOAD_SLOTS": "16", "SHUTDOWN_TIMEOUT": "20"})
    try:
        serving = [cluster.start()]
        load = Load(lambda: serving[-1].url, chance)
        with load.running():
            for _ in range(request.config.getoption("--rolls")):
                wait_until(lambda: sum(1 for call in list(upstream.requests) if call.status is None) > 1)
                serving.append(cluster.start())
                assert serving[-2].stop() == 0
        assert load.refused == []
        assert [job.job_id for job in load.jobs if not job.accepted] == []
        assert {load.ends[job.job_id] for job in load.jobs} == {"completed"}
        texts = [job.ended(serving[-1].url)["result"]["text"] for job in load.jobs]
        assert texts == [job.text for job in load.jobs]
        # What was in flight when its instance stopped is asked once more, and nothing else.
        asked = [len(calls(upstream, job.audio)) for job in load.jobs]
        rolls = request.config.getoption("--rolls")
        assert sum(asked) <= len(asked) + rolls * CLIENTS
        wait_until(lambda: cluster.recordings() == [])
        print(f"{len(load.jobs)} jobs over {rolls} deployments, {sum(asked)} requests to the engine")
    finally:
        cluster.stop()
