"""GET /health counts the work in progress, and answers at once whatever else runs."""

from __future__ import annotations

import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import httpx
from websockets.sync.client import connect

from tests.acceptance.api import Api, calls
from tests.acceptance.client import tone
from tests.replies import Reply
from tests.server import Server
from tests.serving import wait_until
from tests.upstream import Upstream

RANDOM = random.Random(18)


def test_health_counts_the_work_in_progress(start: Callable[..., Server], upstream: Upstream) -> None:
    upstream.default = Reply(hang=True)
    server = start(GROQ_BASE_URL=upstream.url, JOBS_AT_ONCE="2")
    api = Api(server.url)
    idle = {"transcriptions": 0, "waiting": 0, "jobs": 0, "watchers": 0, "backlog": 0}
    wait_until(lambda: api.health()["inHand"] == idle)  # `backlog` may be null on a busy machine
    ids = [api.accepted(tone(RANDOM)) for _ in range(5)]
    api.expect()  # a job without audio is no work in progress
    synchronous = tone(RANDOM)
    with ThreadPoolExecutor(1) as pool:
        pool.submit(
            httpx.post, f"{server.url}/transcribe", files={"file": ("a.wav", synchronous)}, timeout=60
        )
        wait_until(lambda: bool(calls(upstream, synchronous)))
        wait_until(lambda: len(upstream.requests) == 3)
        with connect(f"ws://127.0.0.1:{server.port}/ws/transcription/{ids[0]}", open_timeout=60) as watcher:
            watcher.recv()
            busy = {"transcriptions": 1, "waiting": 0, "jobs": 2, "watchers": 1, "backlog": 5}
            wait_until(lambda: api.health()["inHand"] == busy)
            assert (api.health()["status"], api.health()["problems"]) == ("ok", [])
        for job_id in ids:
            api.delete(job_id)
        server.kill()
    upstream.default = Reply()
    server.start()
    wait_until(lambda: api.health()["inHand"] == idle)
