"""Postgres stops amid jobs: nothing is lost, nothing is paid for twice, and all goes on when it is back."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.api import Api, calls, text_of
from tests.acceptance.client import tone
from tests.cluster import Cluster
from tests.postgres import Postgres
from tests.serving import wait_until
from tests.upstream import Upstream, not_before

RANDOM = random.Random(18)


@pytest.fixture
def server() -> Iterator[Postgres]:
    """A Postgres of its own, which no other test needs."""
    own = Postgres().start()
    yield own
    own.remove()


@pytest.mark.parametrize("way", ["stopped", "frozen"])
def test_jobs_wait_for_a_database_that_is_away(
    way: str, server: Postgres, tmp_path: Path, upstream: Upstream, request: pytest.FixtureRequest
) -> None:
    away = request.config.getoption("--away")
    settings = {"LEASE_SECONDS": "6", "UPLOAD_SLOTS": "20", "QUOTA_REQUESTS_PER_DAY": "99"}
    made = Cluster(tmp_path, upstream, settings, server=server)
    try:
        api = Api(made.start().url)
        first, running, later = tone(RANDOM), tone(RANDOM), tone(RANDOM)
        assert api.completed(api.accepted(first)) == text_of(first)
        may_answer = threading.Event()
        upstream.recognise = not_before(may_answer)
        under_way = api.accepted(running)
        wait_until(lambda: bool(calls(upstream, running)))
        (server.stop if way == "stopped" else server.freeze)()
        began = time.monotonic()
        may_answer.set()  # the engine answers now, and the piece cannot be stored
        refused = api.submit(later)
        assert (refused.status_code, refused.json()["error"]["code"]) == (503, "store_unavailable")
        assert int(refused.headers["retry-after"]) > 0
        health = api.health()
        assert health["status"] == "degraded"
        assert "cannot reach the storage" in health["problems"][0]
        assert api.job(under_way).status_code == 503
        time.sleep(max(0.0, away + 6 - (time.monotonic() - began)))  # past the lease
        (server.start if way == "stopped" else server.thaw)()
        wait_until(lambda: api.health()["status"] == "ok")
        assert api.completed(under_way) == text_of(running)
        assert len(calls(upstream, running)) == 1, "a transcribed piece was lost"
        assert api.completed(api.accepted(later)) == text_of(later)
        wait_until(lambda: made.recordings() == [])
    finally:
        made.stop()
