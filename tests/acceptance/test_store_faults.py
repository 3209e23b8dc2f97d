"""A full disk, a locked database, a clock that steps: each gives a clear error, and work goes on after it."""

from __future__ import annotations

import random
import resource
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import httpx
import pytest

from tests.acceptance.api import Api, calls, files_below, sha, text_of
from tests.acceptance.client import tone
from tests.replies import Reply, rate_limited
from tests.server import Server
from tests.serving import wait_until
from tests.upstream import Upstream, not_before

RANDOM = random.Random(15)
SKEW = Path(__file__).parent / "skewed"


# ── a full disk ─────────────────────────────────────────────────────────────────────────────────────


def test_audio_past_the_budget_is_refused_with_a_sentence(
    start: Callable[..., Server], upstream: Upstream
) -> None:
    upstream.default = Reply(hang=True)
    server = start(GROQ_BASE_URL=upstream.url, STORAGE_MB="1")
    api = Api(server.url)
    big, job_id = tone(RANDOM, seconds=50), "6f1c1f0e-6c1f-4d0e-9a53-5d1f0a7f2f10"
    accepted = api.accepted(big)
    refused = api.submit(big + b"\0", jobId=job_id)
    assert (refused.status_code, refused.json()["error"]["code"]) == (507, "storage_full")
    assert refused.json()["error"]["message"] == "There is no room left to keep this recording."
    assert api.job(job_id).json()["status"] == "pending"
    pending = api.expect().json()
    assert api.upload(pending["upload"], big).status_code == 507
    # Once there is room again, the same submit goes on where it stopped.
    api.delete(accepted)
    upstream.default = Reply()
    assert api.submit(big + b"\0", jobId=job_id).status_code == 202
    assert api.completed(job_id) == text_of(big + b"\0")
    assert api.upload(pending["upload"], big).status_code == 202
    assert api.completed(pending["jobId"]) == text_of(big)
    wait_until(lambda: files_below(server.data_dir) == [])


@contextmanager
def full_disk(server: Server) -> Iterator[None]:
    """No file of the server may grow any further, as on a full disk."""
    largest = max(path.stat().st_size for path in server.data_dir.glob("escriba.sqlite3*"))
    unlimited = resource.RLIM_INFINITY
    server.ps.rlimit(resource.RLIMIT_FSIZE, (min(largest, 4096), unlimited))
    try:
        yield
    finally:
        server.ps.rlimit(resource.RLIMIT_FSIZE, (unlimited, unlimited))


def test_a_full_disk_refuses_new_jobs_and_loses_no_old_ones(
    start: Callable[..., Server], upstream: Upstream
) -> None:
    server = start(GROQ_BASE_URL=upstream.url, LEASE_SECONDS="6", UPLOAD_SLOTS="20")
    api = Api(server.url)
    first, running = tone(RANDOM), tone(RANDOM)
    before = api.accepted(first)
    assert api.completed(before) == text_of(first)
    is_full = threading.Event()
    upstream.recognise = not_before(is_full)
    under_way = api.accepted(running)
    wait_until(lambda: bool(calls(upstream, running)))
    with full_disk(server):
        is_full.set()  # the engine answers now, and the piece cannot be stored
        refused = api.submit(tone(RANDOM, seconds=5))
        assert (refused.status_code, refused.json()["error"]["code"]) == (507, "storage_full")
        assert api.expect().status_code == 507
        assert api.completed(before) == text_of(first)
        assert httpx.get(f"{server.url}/health", timeout=60).status_code == 200
        wait_until(lambda: calls(upstream, running)[0].status == 200)
        time.sleep(1.5)
        assert api.job(under_way).json()["status"] == "processing"
    assert api.completed(under_way) == text_of(running)
    assert api.job(under_way).json()["attempts"] <= 3
    after = tone(RANDOM)
    assert api.completed(api.accepted(after)) == text_of(after)
    wait_until(lambda: files_below(server.data_dir) == [])
    assert server.stop() == 0


def test_expired_jobs_are_removed_from_a_full_disk(start: Callable[..., Server], upstream: Upstream) -> None:
    server = start(GROQ_BASE_URL=upstream.url, SWEEP_SECONDS="0.3", RETENTION_HOURS="0.002", STORAGE_MB="1")
    api = Api(server.url)
    upstream.default = Reply(401, {"error": {"message": "no"}})
    big = tone(RANDOM, seconds=50)
    api.until(api.accepted(big), "failed")
    assert len(files_below(server.data_dir)) == 1  # for a retry, for seven seconds
    wait_until(lambda: files_below(server.data_dir) == [])
    api.until(api.accepted(big + b"\0"), "failed")


# ── a lock ────────────────────────────────────────────────────────────────────────────────────────


def test_jobs_wait_for_a_database_that_another_process_locks(
    start: Callable[..., Server], upstream: Upstream
) -> None:
    # Each write waits for the lock in turn, in all for longer than a usual lease.
    server = start(GROQ_BASE_URL=upstream.url, UPLOAD_SLOTS="20", LEASE_SECONDS="120")
    api = Api(server.url)
    first, running, queued = tone(RANDOM), tone(RANDOM), tone(RANDOM)
    assert api.completed(api.accepted(first)) == text_of(first)
    is_locked = threading.Event()
    upstream.recognise = not_before(is_locked)
    under_way = api.accepted(running)
    wait_until(lambda: bool(calls(upstream, running)))
    with locked(server.data_dir / "escriba.sqlite3"):
        is_locked.set()
        refused = api.submit(queued)
        assert refused.status_code == 503, refused.text
        assert refused.json()["error"]["code"] == "busy"
        assert int(refused.headers["retry-after"]) > 0
        for _ in range(10):
            answer = httpx.get(f"{server.url}/health", timeout=60)
            assert answer.status_code == 200
            assert answer.elapsed.total_seconds() < 4  # on a busy machine; it does not wait for the lock
    assert api.completed(under_way) == text_of(running)
    assert len(calls(upstream, running)) == 1, "a transcribed piece was lost"
    assert api.completed(api.accepted(queued)) == text_of(queued)
    wait_until(lambda: files_below(server.data_dir) == [])


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Another process is in a write transaction."""
    with closing(sqlite3.connect(path, timeout=30, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


# ── the clock ─────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def clock(tmp_path: Path) -> Callable[[float], None]:
    """Set by how many seconds the servers' clock is off, while they run or between two runs."""
    skew = tmp_path / "skew"
    skew.write_text("0")

    def step(seconds: float) -> None:
        new = tmp_path / "skew.new"
        new.write_text(str(seconds))
        new.replace(skew)

    return step


HOUR, DAY, YEAR = 3600.0, 86_400.0, 31_536_000.0


def test_a_clock_that_steps_while_the_server_runs_delays_no_job(
    start: Callable[..., Server], upstream: Upstream, clock: Callable[[float], None], tmp_path: Path
) -> None:
    server = start(
        GROQ_BASE_URL=upstream.url,
        PYTHONPATH=str(SKEW),
        SKEW_FILE=str(tmp_path / "skew"),
        SWEEP_SECONDS="0.3",
    )
    api = Api(server.url)
    for step in (DAY, -DAY, YEAR, -HOUR):
        early, late = tone(RANDOM), tone(RANDOM)
        upstream.by_sha256[sha(early)] = rate_limited(retry_after=1.5)
        waiting = api.accepted(early)
        api.until(waiting, "waiting")
        del upstream.by_sha256[sha(early)]
        clock(step)
        assert api.completed(api.accepted(late)) == text_of(late)
        assert api.completed(waiting) == text_of(early)
        clock(0)


@pytest.mark.parametrize("step", [-YEAR, -DAY, -HOUR, HOUR, DAY])
def test_a_clock_that_stepped_between_two_runs_loses_no_job(
    start: Callable[..., Server],
    upstream: Upstream,
    clock: Callable[[float], None],
    tmp_path: Path,
    step: float,
) -> None:
    settings = {"PYTHONPATH": str(SKEW), "SKEW_FILE": str(tmp_path / "skew"), "SWEEP_SECONDS": "0.3"}
    server = start(GROQ_BASE_URL=upstream.url, JOBS_AT_ONCE="1", **settings)
    api = Api(server.url)
    running, waiting, queued = tone(RANDOM), tone(RANDOM), tone(RANDOM)
    upstream.script.append(rate_limited(retry_after=2))
    upstream.default = Reply(hang=True)
    ids = {audio: api.accepted(audio) for audio in (waiting,)}
    api.until(ids[waiting], "waiting")
    ids |= {audio: api.accepted(audio) for audio in (running, queued)}
    wait_until(lambda: len(upstream.requests) == 2)
    seqs = {audio: api.job(job_id).json()["seq"] for audio, job_id in ids.items()}
    server.kill()
    clock(step)
    upstream.default = Reply()
    server.start()
    for audio, job_id in ids.items():
        completed = api.until(job_id, "completed")
        assert completed["result"]["text"] == text_of(audio)
        assert completed["seq"] > seqs[audio]
    new = tone(RANDOM)
    assert api.completed(api.accepted(new)) == text_of(new)
    # A text from before the step can still be read.
    answer = api.job(ids[running])
    assert answer.status_code == 200
    wait_until(lambda: files_below(server.data_dir) == [])


def test_the_clock_of_these_tests_is_changed(clock: Callable[[float], None], tmp_path: Path) -> None:
    clock(YEAR)
    output = subprocess.run(
        [sys.executable, "-c", "import time; print(time.time())"],
        env={"PYTHONPATH": str(SKEW), "SKEW_FILE": str(tmp_path / "skew")},
        capture_output=True,
        check=True,
        text=True,
    )
    assert float(output.stdout) - time.time() == pytest.approx(YEAR, abs=60)
