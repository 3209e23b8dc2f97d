"""Instances are killed at any moment and lose their disks: what the service accepted ends once, and is
completed.
"""

from __future__ import annotations

import random
import shutil
import threading
import time
from pathlib import Path

import pytest

from tests.acceptance.api import calls
from tests.acceptance.client import Submitted, tone
from tests.cluster import Cluster
from tests.replies import Reply
from tests.server import Server
from tests.serving import wait_until
from tests.upstream import Upstream

JOBS_A_ROUND = 4
LONGEST_LIFE = 2.0  # seconds from two healthy instances to a kill
LONGEST_WAIT = 1200.0

# Of each job: whether it ended more than once, or keeps a piece or a recording.
_ENDS = """
    SELECT count(*) FROM (
        SELECT job_id FROM escriba.events WHERE type = 'state' AND (job::json->>'status') = 'completed'
        GROUP BY job_id HAVING count(*) > 1
    ) AS twice
"""


def restart_without_disk(instance: Server) -> None:
    shutil.rmtree(instance.data_dir)
    instance.start()


def test_kills_and_lost_disks_lose_no_accepted_job(
    tmp_path: Path, upstream: Upstream, request: pytest.FixtureRequest
) -> None:
    seed = request.config.getoption("--seed") or time.time_ns() % 1_000_000
    print(f"to repeat: --seed {seed}")
    chance = random.Random(seed)
    upstream.default = Reply(delay=0.5)
    made = Cluster(tmp_path, upstream, {"MAX_QUEUE": "1000", "LEASE_SECONDS": "6", "UPLOAD_SLOTS": "20"})
    jobs: list[Submitted] = []
    try:
        pair = (made.start(), made.start())
        for _ in range(request.config.getoption("--cluster-rounds")):
            batch = [Submitted(tone(chance)) for _ in range(JOBS_A_ROUND)]
            jobs += batch
            submitting = [
                threading.Thread(target=job.submit, args=(pair[at % 2].url,)) for at, job in enumerate(batch)
            ]
            for thread in submitting:
                thread.start()
            time.sleep(chance.uniform(0, LONGEST_LIFE))
            killed = [pair[0], pair[1]] if chance.random() < 0.3 else [chance.choice(pair)]
            for instance in killed:
                instance.kill()
            for thread in submitting:
                thread.join()
            for instance in killed:
                restart_without_disk(instance)
        accepted = [job.job_id for job in jobs if job.accepted]
        for job in jobs:
            job.submit(pair[0].url)  # as a client does that got no answer
            assert job.accepted
        ended = [job.ended(pair[at % 2].url, within=LONGEST_WAIT) for at, job in enumerate(jobs)]
        assert accepted
        assert [job for job in ended if job["status"] != "completed"] == []
        assert [job["result"]["text"] for job in ended] == [job.text for job in jobs]
        assert made.query(_ENDS)[0][0] == 0, "a job ended twice"
        wait_until(lambda: made.recordings() == [])
        asked = sum(len(calls(upstream, job.audio)) for job in jobs)
        print(f"{len(jobs)} jobs, {asked} requests to the engine")
    finally:
        made.stop()


@pytest.mark.parametrize("seconds", [45, -600])
def test_each_job_runs_once_at_a_time_whatever_the_clocks_say(
    tmp_path: Path, upstream: Upstream, seconds: int
) -> None:
    """One instance's clock is off from the start, by more than a lease; the leases here are short."""
    upstream.default = Reply(delay=3.0)
    made = Cluster(tmp_path, upstream, {"LEASE_SECONDS": "2", "JOBS_AT_ONCE": "2", "UPLOAD_SLOTS": "20"})
    skew = tmp_path / "skew"
    skew.write_text(str(seconds))
    folder = Path(__file__).parent / "skewed"
    chance = random.Random(seconds)
    try:
        right = made.start()
        wrong = made.start(PYTHONPATH=str(folder), SKEW_FILE=str(skew))
        jobs = [Submitted(tone(chance)) for _ in range(6)]
        for at, job in enumerate(jobs):
            job.submit((right, wrong)[at % 2].url)
        for at, job in enumerate(jobs):
            ended = job.ended((wrong, right)[at % 2].url)
            assert (ended["status"], ended["attempts"]) == ("completed", 1)
        assert [len(calls(upstream, job.audio)) for job in jobs] == [1] * len(jobs)
        assert upstream.most_at_once == 4, "both took part"
    finally:
        made.stop()
