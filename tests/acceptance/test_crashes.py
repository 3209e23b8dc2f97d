"""Killed at any moment, the server loses nothing that it accepted and leaves nothing behind."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from random import Random

import psutil
import pytest

from tests.acceptance.api import files_below
from tests.acceptance.client import Submitted, tone
from tests.replies import Reply
from tests.server import Server
from tests.serving import wait_until
from tests.upstream import Upstream

JOBS_A_ROUND = 4
# Where it takes long to start, a life of 0.4 s finishes nothing: let it catch up before the oldest job was
# begun MAX_ATTEMPTS times or the queue is full.
CATCHES_UP_EVERY = 8


def test_every_accepted_job_ends_once_with_the_right_text(
    start: Callable[..., Server], upstream: Upstream, request: pytest.FixtureRequest
) -> None:
    seed = request.config.getoption("--seed") or time.time_ns() % 1_000_000
    print(f"to repeat: --seed {seed}")
    random = Random(seed)
    upstream.default = Reply(delay=0.05)
    server = start(GROQ_BASE_URL=upstream.url, MAX_ATTEMPTS="20")
    jobs: list[Submitted] = []
    for round_ in range(request.config.getoption("--rounds")):
        if round_ % CATCHES_UP_EVERY == CATCHES_UP_EVERY - 1:
            for job in jobs:
                if job.accepted:
                    job.ended(server.url)
        batch = [Submitted(tone(random)) for _ in range(JOBS_A_ROUND)]
        jobs += batch
        submitting = threading.Thread(target=lambda batch=batch: [job.submit(server.url) for job in batch])
        submitting.start()
        time.sleep(random.uniform(0, 0.4))
        server.kill()
        submitting.join()
        server.start()
    for job in jobs:
        # What a client never heard back about, it sends again; what was accepted is accepted still.
        job.submit(server.url)
        assert job.accepted
    for job in jobs:
        ended = job.ended(server.url)
        assert (ended["status"], ended["result"]["text"]) == ("completed", job.text), ended
    wait_until(lambda: files_below(server.data_dir) == [])  # the last job's, a moment after it was told
    assert server.stop() == 0
    gone, alive = psutil.wait_procs(server.orphans, timeout=30)
    assert alive == [], f"of {len(gone) + len(alive)} programs some outlived the server"


def test_what_always_kills_the_server_is_given_up_as_interrupted(
    start: Callable[..., Server], upstream: Upstream
) -> None:
    upstream.default = Reply(hang=True)
    server = start(GROQ_BASE_URL=upstream.url, MAX_ATTEMPTS="2")
    job = Submitted(tone(Random(1)))
    job.submit(server.url)
    for attempt in (1, 2):
        wait_for_attempt(upstream, attempt)
        server.kill()
        server.start()
    ended = job.ended(server.url)
    assert ended["status"] == "failed"
    assert ended["error"]["code"] == "interrupted"
    assert ended["error"]["retryable"]


def wait_for_attempt(upstream: Upstream, number: int) -> None:
    deadline = time.monotonic() + 60
    while len(upstream.requests) < number:
        assert time.monotonic() < deadline, "it was not begun again"
        time.sleep(0.05)
