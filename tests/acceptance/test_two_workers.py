"""Two servers on one DATA_DIR: each job has the effect of one run, whichever server got or shows it."""

from __future__ import annotations

import json
import random
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.sync.client import connect

from tests.acceptance.api import Api, calls, files_below, sha, text_of, texts_kept, under_way
from tests.acceptance.client import tone
from tests.replies import Reply, rate_limited
from tests.server import Server
from tests.serving import wait_until
from tests.upstream import Upstream, not_before

RANDOM = random.Random(13)


# Where no server dies, leases are long: on a slow machine no renewal comes too late.
SHORT_LEASES = pytest.mark.parametrize("both", ["6"], indirect=True)


@pytest.fixture
def both(
    tmp_path: Path, upstream: Upstream, request: pytest.FixtureRequest
) -> Iterator[tuple[Server, Server]]:
    lease = getattr(request, "param", "30")
    settings = {"GROQ_BASE_URL": upstream.url, "LOG_LEVEL": "WARNING", "LEASE_SECONDS": lease}
    settings |= {"WATCH_HEARTBEAT": "0.3", "UPLOAD_SLOTS": "64", "JOBS_AT_ONCE": "3"}
    servers = Server(tmp_path / "data", **settings), Server(tmp_path / "data", **settings)
    for server in servers:
        server.start()
    yield servers
    for server in servers:
        if server.process is not None and server.process.poll() is None:
            server.stop()


def test_each_job_runs_once(both: tuple[Server, Server], upstream: Upstream) -> None:
    # The first jobs take longer than one server can run at once, so that the other certainly takes part.
    upstream.script.extend(Reply(delay=1.0) for _ in range(6))
    apis = [Api(server.url) for server in both]
    audios = [tone(RANDOM) for _ in range(40)]
    with ThreadPoolExecutor(8) as pool:
        ids = list(pool.map(lambda at: apis[at % 2].accepted(audios[at]), range(len(audios))))
    for at, (job_id, audio) in enumerate(zip(ids, audios, strict=True)):
        assert apis[(at + 1) % 2].completed(job_id) == text_of(audio)
        assert apis[0].job(job_id).json()["attempts"] == 1
    assert [len(calls(upstream, audio)) for audio in audios] == [1] * len(audios)
    assert upstream.most_at_once > 3, "the second server took no part"
    wait_until(lambda: files_below(both[0].data_dir) == [])


def test_the_same_submit_to_both_servers_is_one_job(both: tuple[Server, Server], upstream: Upstream) -> None:
    apis, audio = [Api(server.url) for server in both], tone(RANDOM)
    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(lambda at: apis[at % 2].submit(audio, key="one"), range(10)))
    assert {answer.status_code for answer in answers} == {202}
    (job_id,) = {answer.json()["jobId"] for answer in answers}
    assert apis[0].completed(job_id) == text_of(audio)
    assert len(calls(upstream, audio)) == 1
    wait_until(lambda: files_below(both[0].data_dir) == [])


def test_watchers_see_the_changes_that_the_other_server_makes(
    both: tuple[Server, Server], upstream: Upstream
) -> None:
    audio, are_watching = tone(RANDOM), threading.Event()
    upstream.recognise = not_before(are_watching)
    apis = [Api(server.url) for server in both]
    job_id = apis[0].accepted(audio)
    wait_until(lambda: bool(calls(upstream, audio)))
    with ThreadPoolExecutor(4) as pool:
        watchers = [
            pool.submit(watch, server, job_id) for watch in (watch_socket, watch_sse) for server in both
        ]
        wait_until(lambda: [api.health()["inHand"]["watchers"] for api in apis] == [2, 2])
        are_watching.set()
    for watcher in watchers:
        events = watcher.result()
        assert events[-1]["job"]["status"] == "completed"
        seqs = [event["seq"] for event in events]
        assert seqs == sorted(set(seqs))
        assert [event["text"] for event in events if event["type"] == "text"] == [text_of(audio)]


def watch_socket(server: Server, job_id: str) -> list[dict[str, Any]]:
    with connect(f"ws://127.0.0.1:{server.port}/ws/transcription/{job_id}", open_timeout=60) as socket:
        events = [json.loads(message) for message in socket]
    return [event for event in events if event["type"] != "ping"]


def watch_sse(server: Server, job_id: str) -> list[dict[str, Any]]:
    with httpx.stream("GET", f"{server.url}/job/{job_id}/events", timeout=60) as answer:
        lines = [line.removeprefix("data: ") for line in answer.iter_lines() if line.startswith("data: ")]
    return [event for event in map(json.loads, lines) if event["type"] != "ping"]


@SHORT_LEASES
def test_a_job_can_be_deleted_on_the_server_that_does_not_run_it(
    both: tuple[Server, Server], upstream: Upstream
) -> None:
    audios = [tone(RANDOM), tone(RANDOM)]
    upstream.default = Reply(hang=True)
    apis = [Api(server.url) for server in both]
    for audio in audios:
        job_id = apis[0].accepted(audio)
        wait_until(lambda audio=audio: bool(calls(upstream, audio)))  # type: ignore[misc]
        # Both are asked, and at least one of them does not run the job.
        assert {api.delete(job_id).json()["status"] for api in apis} == {"cancelled"}
        (call,) = calls(upstream, audio)
        wait_until(lambda call=call: call.client_gone)  # type: ignore[misc]
        assert texts_kept(both[0].data_dir, job_id) == 0
    wait_until(lambda: files_below(both[0].data_dir) == [])
    wait_until(lambda: all(api.health()["inHand"]["jobs"] == 0 for api in apis))


@SHORT_LEASES
def test_when_one_server_is_killed_the_other_runs_its_jobs(
    both: tuple[Server, Server], upstream: Upstream
) -> None:
    apis, audios = [Api(server.url) for server in both], [tone(RANDOM) for _ in range(3)]
    upstream.script.extend(Reply(hang=True) for _ in audios)
    ids = [apis[0].accepted(audio) for audio in audios]
    wait_until(lambda: len(upstream.requests) == 3)
    busy = [api.health()["inHand"]["jobs"] for api in apis]
    assert sum(busy) == 3
    victim, other = (0, 1) if busy[0] else (1, 0)
    both[victim].kill()
    # The victim's jobs are free once their leases have expired; the other server's jobs still hang.
    wait_until(lambda: [call.status for call in list(upstream.requests)].count(200) == busy[victim])
    wait_until(lambda: apis[other].health()["inHand"]["jobs"] == busy[other])
    assert both[other].stop() == 0  # which gives back the jobs that hang
    both[other].start()
    for job_id, audio in zip(ids, audios, strict=True):
        assert apis[other].completed(job_id) == text_of(audio)
        assert len(calls(upstream, audio)) == 2
    wait_until(lambda: files_below(both[0].data_dir) == [])


def test_a_job_that_kills_servers_runs_alone_on_both_and_fails_alone(
    tmp_path: Path, upstream: Upstream
) -> None:
    poison, audios = tone(RANDOM), [tone(RANDOM) for _ in range(12)]
    upstream.by_sha256[sha(poison)] = Reply(hang=True)
    upstream.default = Reply(delay=0.5)
    settings = {"GROQ_BASE_URL": upstream.url, "LOG_LEVEL": "WARNING", "LEASE_SECONDS": "6"}
    settings |= {"MAX_ATTEMPTS": "1"}
    with Server(tmp_path / "data", **settings) as first, Server(tmp_path / "data", **settings) as second:
        servers, apis = (first, second), (Api(first.url), Api(second.url))
        job_id = apis[0].accepted(poison)
        ids = [apis[at % 2].accepted(audios[at]) for at in range(6)]
        for deaths in (1, 2):
            wait_until(lambda deaths=deaths: len(calls(upstream, poison)) == deaths)  # type: ignore[misc]
            for server in servers:
                server.kill()
            for server in servers:
                server.start()
        wait_until(lambda: len(calls(upstream, poison)) == 3)
        ids += [apis[at % 2].accepted(audios[at]) for at in range(6, 12)]
        time.sleep(2)  # each worker looks once a second
        assert under_way(upstream) == calls(upstream, poison)[-1:]
        busy = [api.health()["inHand"]["jobs"] for api in apis]
        assert sorted(busy) == [0, 1]
        victim, other = (0, 1) if busy[0] else (1, 0)
        servers[victim].kill()
        assert apis[other].until(job_id, "failed")["error"]["code"] == "interrupted"
        for healthy, audio in zip(ids, audios, strict=True):
            assert apis[other].completed(healthy) == text_of(audio)
    assert len(calls(upstream, poison)) == 3


def test_both_servers_share_one_account_of_the_quota(tmp_path: Path, upstream: Upstream) -> None:
    settings = {"GROQ_BASE_URL": upstream.url, "LOG_LEVEL": "WARNING", "QUOTA_REQUESTS_PER_MINUTE": "2"}
    with Server(tmp_path / "data", **settings) as first, Server(tmp_path / "data", **settings) as second:
        apis = [Api(first.url), Api(second.url)]
        ids = [apis[at % 2].accepted(tone(RANDOM)) for at in range(4)]

        def statuses() -> list[str]:
            return [apis[0].job(job_id).json()["status"] for job_id in ids]

        wait_until(lambda: sorted(statuses()) == ["completed"] * 2 + ["waiting"] * 2)
        assert len(upstream.requests) == 2


def test_a_wait_that_the_engine_asks_of_one_server_holds_for_the_other(
    tmp_path: Path, upstream: Upstream
) -> None:
    settings = {"GROQ_BASE_URL": upstream.url, "LOG_LEVEL": "WARNING", "QUOTA_REQUESTS_PER_DAY": "100"}
    upstream.script.append(rate_limited(retry_after=600))
    with Server(tmp_path / "data", **settings) as first:
        Api(first.url).until(Api(first.url).accepted(tone(RANDOM)), "waiting")
        with Server(tmp_path / "data", **settings) as second:
            api = Api(second.url)
            assert "waitingUntil" in api.until(api.accepted(tone(RANDOM)), "waiting")
    assert len(upstream.requests) == 1
