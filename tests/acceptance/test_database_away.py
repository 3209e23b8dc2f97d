"""Postgres stops amid jobs: nothing is lost, nothing is paid for twice, and all goes on when it is back."""

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


def test_jobs_wait_for_a_database_that_is_away(
    server: Postgres, tmp_path: Path, upstream: Upstream, request: pytest.FixtureRequest
) -> None:
    """It stops, which breaks every connection; then it hangs, which nobody notices by a connection."""
    seconds = request.config.getoption("--away") + 6  # more than a lease
    settings = {"LEASE_SECONDS": "6", "UPLOAD_SLOTS": "20", "QUOTA_REQUESTS_PER_DAY": "99"}
    made = Cluster(tmp_path, upstream, {**settings, "WATCH_HEARTBEAT": "1"}, server=server)
    try:
        api = Api(made.start().url)
        first = tone(RANDOM)
        assert api.completed(api.accepted(first)) == text_of(first)
        for away, back in ((server.stop, server.start), (server.freeze, server.thaw)):
            be_away_amid_a_job(api, upstream, away=away, back=back, seconds=seconds)
        wait_until(lambda: made.recordings() == [])
    finally:
        made.stop()


def be_away_amid_a_job(
    api: Api, upstream: Upstream, *, away: Callable[[], object], back: Callable[[], object], seconds: float
) -> None:
    running, later, may_answer = tone(RANDOM), tone(RANDOM), threading.Event()
    upstream.recognise = not_before(may_answer)
    job_id = api.accepted(running)
    wait_until(lambda: bool(calls(upstream, running)))
    with ThreadPoolExecutor(1) as pool:
        watched = pool.submit(last_status, api.url, job_id)
        wait_until(lambda: api.health()["inHand"]["watchers"] == 1)
        away()
        began = time.monotonic()
        may_answer.set()  # the engine answers now, and the piece cannot be stored
        refused = api.submit(later)
        assert (refused.status_code, refused.json()["error"]["code"]) == (503, "store_unavailable")
        assert int(refused.headers["retry-after"]) > 0
        health = api.health()
        assert health["status"] == "degraded"
        assert "cannot reach the storage" in health["problems"][0]
        assert api.job(job_id).status_code == 503
        time.sleep(max(0.0, seconds - (time.monotonic() - began)))
        back()
        wait_until(lambda: api.health()["status"] == "ok")
        assert api.completed(job_id) == text_of(running)
        assert watched.result() == "completed", "a watcher stays"
    assert len(calls(upstream, running)) == 1, "a transcribed piece was lost"
    assert api.completed(api.accepted(later)) == text_of(later)


def last_status(url: str, job_id: str) -> str:
    """The status that an event stream ends with."""
    status = ""
    with httpx.stream("GET", f"{url}/job/{job_id}/events", timeout=120) as answer:
        for line in answer.iter_lines():
            if line.startswith("data:") and "ping" not in line:
                message = json.loads(line.removeprefix("data:"))
                status = message.get("status") or message["job"]["status"]
    return status


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("postgres://me:secret@127.0.0.1:6543/db", "use the direct address"),
        ("{server}/nowhere", "does not exist"),
    ],
    ids=["pooled", "unknown"],
)
def test_a_database_that_cannot_work_ends_the_start_with_a_sentence(
    url: str, reason: str, tmp_path: Path, upstream: Upstream
) -> None:
    made = Cluster(tmp_path, upstream, {})
    with pytest.raises(AssertionError, match="the server ended with 2"):
        made.start(DATABASE_URL=url.format(server=made.database.rpartition("/")[0]))
    log = made.instances[0].log
    assert "Escriba cannot start." in log
    assert reason in log
    assert "secret" not in log
    assert "Traceback" not in log
