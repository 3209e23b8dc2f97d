"""Several instances over one Postgres and one bucket are one service, whichever of them a client reaches."""

from __future__ import annotations

import json
import random
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

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
def upstream(engine: Upstream) -> Upstream:
    """The stand-in engine, with nothing scripted and nothing seen."""
    engine.reset()
    return engine


@pytest.fixture
def cluster(tmp_path: Path, upstream: Upstream) -> Iterator[Callable[..., Cluster]]:
    made: list[Cluster] = []

    def make(**settings: str) -> Cluster:
        made.append(Cluster(tmp_path, upstream, settings))
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
                seen.append((time.monotonic(), status_of(message)))
    return seen


def status_of(message: dict[str, Any]) -> str:
    return str(message.get("status") or message["job"]["status"])


def test_instances_that_start_at_once_make_the_tables_once(
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


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory, engine: Upstream) -> Iterator[Cluster]:
    """Two instances for all tests that leave them as they are.

    Leases and heartbeats are so long that only notices can explain what one learns of the other.
    """
    settings = {"LEASE_SECONDS": "600", "WATCH_HEARTBEAT": "600", "UPLOAD_SLOTS": "64", "JOBS_AT_ONCE": "3"}
    made = Cluster(tmp_path_factory.mktemp("pair"), engine, settings)
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda _: made.start(), range(2)))
    yield made
    made.stop()


@pytest.fixture
def two(pair: Cluster) -> tuple[Cluster, Api, Api]:
    first, second = pair.instances
    return pair, Api(first.url), Api(second.url)


def runner(apis: tuple[Api, Api]) -> int:
    """Which of two instances runs the one job there is."""
    wait_until(lambda: any(api.health()["inHand"]["jobs"] for api in apis))
    return 0 if apis[0].health()["inHand"]["jobs"] else 1


def test_any_instance_answers_for_any_job_and_each_job_runs_once(
    two: tuple[Cluster, Api, Api], upstream: Upstream
) -> None:
    made, *apis = two
    upstream.script.extend(Reply(delay=1.0) for _ in range(6))
    audios = [tone(RANDOM) for _ in range(20)]
    with ThreadPoolExecutor(8) as pool:
        ids = list(pool.map(lambda at: apis[at % 2].accepted(audios[at]), range(len(audios))))
    for at, (job_id, audio) in enumerate(zip(ids, audios, strict=True)):
        assert apis[(at + 1) % 2].completed(job_id) == text_of(audio)
    assert [len(calls(upstream, audio)) for audio in audios] == [1] * len(audios)
    assert upstream.most_at_once > 3, "the second instance took no part"
    wait_until(lambda: made.recordings() == [])


def test_secrets_are_shared_so_tickets_and_keys_hold_on_every_instance(
    two: tuple[Cluster, Api, Api], upstream: Upstream
) -> None:
    _, first, second = two
    audio = tone(RANDOM)
    expected = first.expect(key="once").json()
    assert second.expect(key="once").json()["jobId"] == expected["jobId"]
    assert second.upload(expected["upload"], audio).status_code == 202
    assert first.completed(expected["jobId"]) == text_of(audio)


def test_a_watcher_of_one_instance_follows_a_job_that_runs_on_another(
    two: tuple[Cluster, Api, Api], upstream: Upstream
) -> None:
    _, *apis = two
    may_answer = threading.Event()
    upstream.recognise = not_before(may_answer)
    job_id = apis[0].accepted(tone(RANDOM))
    runs_at = runner((apis[0], apis[1]))
    with ThreadPoolExecutor(2) as pool:
        watches = [pool.submit(states, api.url, job_id) for api in apis]
        wait_until(lambda: all(api.health()["inHand"]["watchers"] for api in apis))
        may_answer.set()
        local, remote = watches[runs_at].result(), watches[1 - runs_at].result()
    assert [status for _, status in remote] == sorted(
        (status for _, status in remote), key=("queued", "processing", "completed").index
    )
    assert (local[-1][1], remote[-1][1]) == ("completed", "completed")
    print(f"lag {(remote[-1][0] - local[-1][0]) * 1000:.0f} ms")


def test_a_watcher_misses_nothing_when_the_notices_are_cut_off(
    two: tuple[Cluster, Api, Api], upstream: Upstream
) -> None:
    made, *apis = two
    may_answer = threading.Event()
    upstream.recognise = not_before(may_answer)
    job_id = apis[0].accepted(tone(RANDOM))
    other = apis[1 - runner((apis[0], apis[1]))]
    with ThreadPoolExecutor(1) as pool:
        watch = pool.submit(states, other.url, job_id)
        wait_until(lambda: other.health()["inHand"]["watchers"] == 1)
        listening = "FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN%'"
        assert made.query(f"SELECT pg_terminate_backend(pid) {listening}")
        may_answer.set()
        assert watch.result()[-1][1] == "completed"
    wait_until(lambda: made.query(f"SELECT count(*) {listening}")[0][0] == 2)


def test_a_websocket_on_one_instance_gets_the_end_of_a_job_on_another(
    two: tuple[Cluster, Api, Api], upstream: Upstream
) -> None:
    _, *apis = two
    may_answer = threading.Event()
    upstream.recognise = not_before(may_answer)
    job_id = apis[0].accepted(tone(RANDOM))
    other = apis[1 - runner((apis[0], apis[1]))]
    address = f"{other.url.replace('http', 'ws')}/ws/transcription/{job_id}"
    with connect(address) as socket:
        socket.recv(10)
        may_answer.set()
        statuses = [status_of(json.loads(message)) for message in socket]
    assert statuses[-1] == "completed"


def test_a_cancel_on_one_instance_ends_the_run_on_another(
    two: tuple[Cluster, Api, Api], upstream: Upstream
) -> None:
    made, *apis = two
    upstream.default = Reply(hang=True)
    audio = tone(RANDOM)
    job_id = apis[0].accepted(audio)
    other = apis[1 - runner((apis[0], apis[1]))]
    wait_until(lambda: bool(calls(upstream, audio)))
    assert other.delete(job_id).json()["status"] == "cancelled"
    (call,) = calls(upstream, audio)
    began = time.monotonic()
    wait_until(lambda: call.client_gone)
    print(f"ended {time.monotonic() - began:.2f} s after the cancel")
    wait_until(lambda: made.recordings() == [])


def test_the_queue_is_counted_once_for_all(cluster: Callable[..., Cluster], upstream: Upstream) -> None:
    upstream.default = Reply(hang=True)
    made = cluster(MAX_QUEUE="3", JOBS_AT_ONCE="1")
    apis = [Api(made.start().url) for _ in range(2)]
    for at in range(3):
        apis[at % 2].accepted(tone(RANDOM))
    for api in apis:
        refused = api.submit(tone(RANDOM))
        assert (refused.status_code, refused.json()["error"]["code"]) == (503, "busy")


def test_both_instances_share_one_account_of_the_quota(
    cluster: Callable[..., Cluster], upstream: Upstream
) -> None:
    made = cluster(QUOTA_REQUESTS_PER_MINUTE="2")
    apis = [Api(made.start().url) for _ in range(2)]
    ids = [apis[at % 2].accepted(tone(RANDOM)) for at in range(4)]

    def statuses() -> list[str]:
        return sorted(apis[0].job(job_id).json()["status"] for job_id in ids)

    wait_until(lambda: statuses() == ["completed"] * 2 + ["waiting"] * 2)
    assert len(upstream.requests) == 2


def test_a_stop_gives_jobs_to_another_instance_at_once(
    two: tuple[Cluster, Api, Api], upstream: Upstream
) -> None:
    made, *apis = two
    upstream.script.append(Reply(hang=True))
    audio = tone(RANDOM)
    job_id = apis[0].accepted(audio)
    wait_until(lambda: bool(calls(upstream, audio)))
    runs_at = runner((apis[0], apis[1]))
    began = time.monotonic()
    stopping = made.instances[runs_at]
    assert stopping.stop() == 0
    stopped = time.monotonic()
    assert apis[1 - runs_at].completed(job_id) == text_of(audio)
    print(f"stop {stopped - began:.1f} s, end {time.monotonic() - stopped:.1f} s after it")
    stopping.start()
