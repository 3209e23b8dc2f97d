"""The page's database ends up saying what the API says, whatever happens on the way between them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random
from typing import Any

import httpx
import pytest

from tests.acceptance.client import Submitted, tone
from tests.acceptance.convex import KEY, Effects, LocalConvex, agrees
from tests.replies import Reply, bad_key
from tests.server import Server
from tests.serving import wait_until
from tests.upstream import Upstream, not_before


@pytest.fixture(scope="module")
def running() -> Iterator[LocalConvex]:
    with LocalConvex() as convex:
        yield convex


@pytest.fixture
def convex(running: LocalConvex) -> LocalConvex:
    """The local Convex with no rows and no faults."""
    httpx.post(f"{running.url}/dev/reset", timeout=60).raise_for_status()
    return running


Starting = Callable[[LocalConvex], Server]


@pytest.fixture
def start_for(start: Callable[..., Server], upstream: Upstream) -> Starting:
    """Start an API that tells this Convex."""
    return lambda convex: start(
        GROQ_BASE_URL=upstream.url, CONVEX_SITE_URL=convex.site_url, CONVEX_API_KEY=KEY
    )


@pytest.fixture
def api(start_for: Starting, convex: LocalConvex) -> Server:
    return start_for(convex)


def recordings(count: int, *, seed: int) -> list[Submitted]:
    random = Random(seed)
    return [Submitted(tone(random, 0.2)) for _ in range(count)]


def send(api: Server, convex: LocalConvex, count: int, *, seed: int = 1, late: float = 0) -> list[Submitted]:
    """Submit jobs as a page does, its row first; `late` is the share whose row is made only afterwards."""
    random = Random(seed)
    jobs = recordings(count, seed=seed)

    def one(job: Submitted) -> None:
        is_late = random.random() < late
        if not is_late:
            convex.create(job.job_id)
        while not job.accepted:
            job.submit(api.url)
        if is_late:
            convex.create(job.job_id)

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(one, jobs))
    return jobs


def differences(api: Server, convex: LocalConvex, jobs: list[Submitted], *, within: float = 90) -> list[Any]:
    """Rows that differ from the API's answer once all jobs have ended and `within` seconds have passed."""
    with ThreadPoolExecutor(6) as pool:
        ended = {job["jobId"]: job for job in pool.map(lambda job: job.ended(api.url), jobs)}
    deadline = time.monotonic() + within
    while True:
        rows = convex.rows()
        differing = [(rows.get(id_), job) for id_, job in ended.items() if not agrees(rows[id_], job)]
        if not differing or time.monotonic() > deadline:
            return differing
        time.sleep(0.2)


def agreed(api: Server, convex: LocalConvex, jobs: list[Submitted], *, within: float = 90) -> Effects:
    """What it took until every row said what the API says; no row changed twice for one state, or back."""
    assert differences(api, convex, jobs, within=within) == []
    convex.quiet()  # what it was slow with may come after the repeat that overtook it
    effects = Effects.of(convex.pushes())
    assert (effects.twice, effects.backwards) == ([], [])
    return effects


def test_each_row_says_what_the_api_says(api: Server, convex: LocalConvex) -> None:
    jobs = send(api, convex, 8)
    assert agreed(api, convex, jobs).sent > 8
    job = httpx.get(f"{api.url}/job/{jobs[0].job_id}", timeout=60).json()
    assert job["sync"] == {"state": "confirmed", "lastSeq": job["seq"]}


@pytest.mark.parametrize(
    "fault",
    [
        {"status": 500, "count": 12},
        {"status": "drop", "count": 12},
        {"status": "drop_after_apply", "count": 12},
        {"status": "slow", "seconds": 6, "count": 3},
    ],
    ids=lambda fault: str(fault["status"]),
)
def test_no_fault_of_convex_leaves_a_row_behind(
    fault: dict[str, Any], api: Server, convex: LocalConvex
) -> None:
    convex.fault(**fault)
    jobs = send(api, convex, 5)
    # Rows may agree before the last of them: where all was applied and only the answers were lost.
    wait_until(lambda: Effects.of(convex.pushes()).faults == fault["count"])
    assert agreed(api, convex, jobs).faults == fault["count"]


def test_convex_may_be_away_for_a_while(
    api: Server, convex: LocalConvex, upstream: Upstream, request: pytest.FixtureRequest
) -> None:
    away = request.config.getoption("--away")
    is_away = threading.Event()
    upstream.recognise = not_before(is_away)
    jobs = send(api, convex, 5)
    convex.fault(status="away")
    is_away.set()
    for job in jobs:
        job.ended(api.url)
    time.sleep(away)
    assert {row["status"] for row in convex.rows().values()} != {"completed"}
    convex.heal()
    agreed(api, convex, jobs, within=away + 150)


def test_an_api_that_is_killed_between_commit_and_push_still_tells(api: Server, convex: LocalConvex) -> None:
    convex.fault(status=503)
    jobs = send(api, convex, 3)
    for job in jobs:
        job.ended(api.url)
    api.kill()
    convex.heal()
    assert {row["status"] for row in convex.rows().values()} == {"pending"}
    api.start()
    agreed(api, convex, jobs)


def test_the_api_may_be_killed_at_any_moment(
    api: Server, convex: LocalConvex, upstream: Upstream, request: pytest.FixtureRequest
) -> None:
    upstream.default = Reply(delay=0.2)
    random = Random(11)
    jobs: list[Submitted] = []
    for round_ in range(request.config.getoption("--kills")):
        with ThreadPoolExecutor(1) as pool:
            sending = pool.submit(send, api, convex, 4, seed=100 + round_)
            time.sleep(random.uniform(0.1, 1.0))
            api.kill()
            api.start()
            jobs += sending.result()
    print(agreed(api, convex, jobs))


def test_convex_may_be_killed_at_any_moment(
    start_for: Starting, upstream: Upstream, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    upstream.default = Reply(delay=0.2)
    random = Random(12)
    jobs: list[Submitted] = []
    with LocalConvex(keep=tmp_path / "rows.json") as convex:
        api = start_for(convex)
        for round_ in range(request.config.getoption("--kills")):
            jobs += send(api, convex, 4, seed=200 + round_)
            time.sleep(random.uniform(0, 0.4))
            convex.kill()
            time.sleep(random.uniform(0, 1))
            convex.start()
        agreed(api, convex, jobs)


def test_a_page_that_makes_its_row_after_the_end_is_told_all_the_same(
    api: Server, convex: LocalConvex
) -> None:
    (job,) = (Submitted(tone(Random(5))),)
    job.submit(api.url)
    ended = job.ended(api.url)
    assert ended["sync"]["state"] == "pending"
    convex.create(job.job_id)
    agreed(api, convex, [job])


def test_the_next_run_of_a_failed_job_reaches_its_row(
    api: Server, convex: LocalConvex, upstream: Upstream
) -> None:
    upstream.script.append(bad_key())
    (job,) = send(api, convex, 1)
    agreed(api, convex, [job])
    row = convex.rows()[job.job_id]
    assert (row["status"], row["run"], row["error"]["code"]) == ("failed", 1, "engine_key_invalid")
    assert httpx.post(f"{api.url}/job/{job.job_id}/retry", timeout=60).status_code == 202
    agreed(api, convex, [job])
    row = convex.rows()[job.job_id]
    assert (row["status"], row["run"], "error" in row) == ("completed", 2, False)


def test_a_corrected_text_reaches_the_page_s_row(api: Server, convex: LocalConvex) -> None:
    (job,) = send(api, convex, 1)
    agreed(api, convex, [job])
    address = f"{api.url}/job/{job.job_id}/transcript"
    tag = {"If-Match": httpx.get(address, timeout=60).headers["etag"]}
    text = {"segments": [{"start": 0, "end": 0.1, "text": "lo que se dijo"}]}
    corrected = httpx.put(address, json=text, headers=tag, timeout=60).json()
    assert corrected.get("revision") == 1, corrected
    assert httpx.put(address, json=text, headers=tag, timeout=60).status_code == 412
    agreed(api, convex, [job])
    row = convex.rows()[job.job_id]
    assert (row["seq"], row["status"]) == (corrected["seq"], "completed")
    assert "lo que se dijo" in row["resultJson"]


def test_what_is_deleted_at_the_api_stays_in_the_page_s_row(api: Server, convex: LocalConvex) -> None:
    (job,) = send(api, convex, 1)
    agreed(api, convex, [job])
    before = convex.rows()[job.job_id]
    seq = httpx.delete(f"{api.url}/job/{job.job_id}", timeout=60).json()["seq"]
    assert seq > before["seq"]
    deadline = time.monotonic() + 60
    while (row := convex.rows()[job.job_id])["seq"] != seq:
        assert time.monotonic() < deadline, row
        time.sleep(0.05)
    assert (row["status"], row["resultJson"]) == ("completed", before["resultJson"])
    assert httpx.get(f"{api.url}/job/{job.job_id}", timeout=60).status_code == 410


def test_a_wrong_key_is_told_in_health_and_loses_nothing(
    start: Callable[..., Server], upstream: Upstream, convex: LocalConvex
) -> None:
    api = start(GROQ_BASE_URL=upstream.url, CONVEX_SITE_URL=convex.site_url, CONVEX_API_KEY="not-the-key")
    jobs = send(api, convex, 2)
    for job in jobs:
        job.ended(api.url)
    deadline = time.monotonic() + 60
    while not (health := httpx.get(f"{api.url}/health", timeout=60).json())["problems"]:
        assert time.monotonic() < deadline
    assert health["status"] == "degraded"
    assert "CONVEX_API_KEY" in health["problems"][0]
    api.stop()
    api.environment["CONVEX_API_KEY"] = KEY
    api.start()
    for job in jobs:  # what was postponed for the wrong key need not wait for its time
        httpx.post(f"{api.url}/job/{job.job_id}/redeliver", timeout=60).raise_for_status()
    agreed(api, convex, jobs)


def test_cancelling_races_with_completing_and_both_sides_agree(api: Server, convex: LocalConvex) -> None:
    random = Random(7)
    jobs = send(api, convex, 10, seed=7)
    for job in jobs:
        time.sleep(random.uniform(0, 0.1))
        httpx.delete(f"{api.url}/job/{job.job_id}", timeout=60).raise_for_status()
    deadline = time.monotonic() + 60
    while True:
        rows = convex.rows()
        answers = {job.job_id: httpx.get(f"{api.url}/job/{job.job_id}", timeout=60) for job in jobs}
        # A completed job whose text was removed answers 410; its row still says that it completed.
        agreed = {
            id_: answer.json()["status"] if answer.status_code == 200 else "completed"
            for id_, answer in answers.items()
        }
        if all(rows[id_]["status"] == status for id_, status in agreed.items()):
            break
        assert time.monotonic() < deadline, (agreed, rows)
        time.sleep(0.2)


def test_a_soak_with_random_faults_leaves_no_difference(
    api: Server, convex: LocalConvex, request: pytest.FixtureRequest
) -> None:
    count = request.config.getoption("--soak")
    for status in (500, "drop", "drop_after_apply"):
        convex.fault(status=status, rate=0.1)
    convex.fault(status="slow", seconds=6, rate=0.01)  # longer than the API waits: applied after its repeat
    over = threading.Event()

    def killing() -> int:
        random = Random(13)
        kills = 0
        while not over.wait(random.uniform(5, 15)):
            api.kill()
            api.start()
            kills += 1
        return kills

    with ThreadPoolExecutor(1) as pool:
        killed = pool.submit(killing)
        try:
            jobs = send(api, convex, count, seed=3, late=0.1)
        finally:
            over.set()
        print(f"API killed {killed.result()} times")
    print(agreed(api, convex, jobs, within=240))
