"""Killed at any moment, the server loses nothing that it accepted and leaves nothing behind."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from random import Random

import psutil
import pytest

from tests.acceptance.api import Api, calls, files_below, under_way
from tests.acceptance.client import Submitted, tone
from tests.replies import Reply
from tests.server import Server
from tests.serving import wait_until
from tests.upstream import Upstream

JOBS_A_ROUND = 4
LONGEST_LIFE = 1.5  # seconds from a healthy server to its kill
# Seconds: a job whose server died five times in its hands waits for a quarter of an hour.
LONGEST_WAIT = 1200.0


@pytest.fixture
def chance(request: pytest.FixtureRequest) -> Random:
    seed = request.config.getoption("--seed") or time.time_ns() % 1_000_000
    print(f"to repeat: --seed {seed}")
    return Random(seed)


def test_kills_by_chance_fail_no_job(
    start: Callable[..., Server], upstream: Upstream, chance: Random, request: pytest.FixtureRequest
) -> None:
    upstream.default = Reply(delay=1.0)
    server = start(GROQ_BASE_URL=upstream.url, MAX_QUEUE="1000")
    jobs: list[Submitted] = []
    for _ in range(request.config.getoption("--rounds")):
        batch = [Submitted(tone(chance)) for _ in range(JOBS_A_ROUND)]
        jobs += batch
        submitting = threading.Thread(target=lambda batch=batch: [job.submit(server.url) for job in batch])
        submitting.start()
        time.sleep(chance.uniform(0, LONGEST_LIFE))
        server.kill()
        submitting.join()
        server.start()
    for job in jobs:
        # A client sends again what it got no answer to; the server still has what it accepted.
        job.submit(server.url)
        assert job.accepted
    ended = [job.ended(server.url, within=LONGEST_WAIT) for job in jobs]
    assert [job for job in ended if job["status"] != "completed"] == []
    assert [job["result"]["text"] for job in ended] == [job.text for job in jobs]
    wait_until(lambda: files_below(server.data_dir) == [])  # the last one goes a moment after its job ends
    assert server.stop() == 0
    gone, alive = psutil.wait_procs(server.orphans, timeout=30)
    assert alive == [], f"of {len(gone) + len(alive)} programs some outlived the server"


def test_a_job_that_kills_the_server_fails_and_no_other_does(
    start: Callable[..., Server], upstream: Upstream, chance: Random, request: pytest.FixtureRequest
) -> None:
    attempts = request.config.getoption("--attempts")
    poison = Submitted(tone(chance))
    upstream.default = Reply(delay=0.5)
    upstream.by_sha256[poison.sha256] = Reply(hang=True)
    server = start(GROQ_BASE_URL=upstream.url, MAX_ATTEMPTS=str(attempts))
    jobs: list[Submitted] = []
    deaths, alone = 0, 0
    while reaches_the_engine(poison, server, upstream, after=deaths):
        batch = [Submitted(tone(chance)) for _ in range(JOBS_A_ROUND)]
        jobs += batch
        for job in batch:
            job.submit(server.url)
        deaths += 1
        alone += under_way(upstream) == [calls(upstream, poison.audio)[-1]]
        server.kill()
        server.start()
    assert alone >= attempts
    ended = Api(server.url).job(poison.job_id).json()
    assert (ended["status"], ended["error"]["code"]) == ("failed", "interrupted")
    assert ended["error"]["retryable"]
    others = [job.ended(server.url) for job in jobs]
    assert [job for job in others if job["status"] != "completed"] == []
    assert [job["result"]["text"] for job in others] == [job.text for job in jobs]


def reaches_the_engine(job: Submitted, server: Server, upstream: Upstream, *, after: int) -> bool:
    """Whether the job's recording reaches the engine once more, or else the job ends."""
    job.submit(server.url)
    deadline = time.monotonic() + LONGEST_WAIT
    while len(calls(upstream, job.audio)) == after:
        if Api(server.url).job(job.job_id).json()["status"] == "failed":
            return False
        assert time.monotonic() < deadline, "it did not run again"
        time.sleep(0.05)
    return True
