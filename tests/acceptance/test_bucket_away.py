"""The bucket fails amid jobs: nothing is accepted that is not kept, no job fails, no piece is asked twice."""

from __future__ import annotations

import random
from pathlib import Path

from tests.acceptance.api import Api, calls, text_of
from tests.acceptance.client import Submitted, tone
from tests.cluster import Cluster
from tests.s3_faults import FaultyBucket
from tests.s3_server import s3_server
from tests.serving import wait_until
from tests.upstream import Upstream

RANDOM = random.Random(23)


def test_jobs_wait_for_a_bucket_that_is_away(tmp_path: Path, upstream: Upstream) -> None:
    with FaultyBucket(s3_server().url) as bucket:
        cluster = Cluster(tmp_path, upstream, {"AWS_ENDPOINT_URL_S3": bucket.url, "JOBS_AT_ONCE": "1"})
        try:
            api = Api(cluster.start().url)
            first = tone(RANDOM)  # by which the bucket has been counted
            assert api.completed(api.accepted(first)) == text_of(first)
            # Accepted before, fetched while the bucket is away: GET fails, all else works.
            bucket.fault = lambda method: "away" if method in {"GET", "HEAD"} else "none"
            waiting, refused = tone(RANDOM), tone(RANDOM)
            job_id = api.accepted(waiting)
            assert api.until(job_id, "waiting")["attempts"] <= 1
            bucket.fault = lambda _: "away"
            answer = api.submit(refused, jobId="6f1c1f0e-6c1f-4d0e-9a53-5d1f0a7f2f10")
            assert (answer.status_code, answer.json()["error"]["code"]) == (503, "store_unavailable")
            assert int(answer.headers["retry-after"]) > 0
            health = api.health()
            assert health["status"] == "degraded"
            assert "the bucket" in health["problems"][0]
            bucket.fault = lambda _: "none"
            assert api.completed(job_id) == text_of(waiting)
            assert len(calls(upstream, waiting)) == 1
            again = api.submit(refused, jobId="6f1c1f0e-6c1f-4d0e-9a53-5d1f0a7f2f10")
            assert again.status_code == 202
            assert api.completed(again.json()["jobId"]) == text_of(refused)
            wait_until(lambda: api.health()["status"] == "ok")
            wait_until(lambda: cluster.recordings() == [])
        finally:
            cluster.stop()


def test_a_bucket_that_fails_by_chance_fails_no_job(tmp_path: Path, upstream: Upstream) -> None:
    with FaultyBucket(s3_server().url) as bucket:
        cluster = Cluster(tmp_path, upstream, {"AWS_ENDPOINT_URL_S3": bucket.url, "UPLOAD_SLOTS": "16"})
        try:
            url = cluster.start().url
            chance = random.Random(5)
            bucket.fault = lambda _: chance.choice(["none", "none", "none", "slow", "half", "away"])
            jobs = [Submitted(tone(RANDOM)) for _ in range(12)]
            for job in jobs:
                while not job.accepted:
                    job.submit(url)
            ended = [job.ended(url) for job in jobs]
            assert [job for job in ended if job["status"] != "completed"] == []
            assert [job["result"]["text"] for job in ended] == [job.text for job in jobs]
            assert [len(calls(upstream, job.audio)) for job in jobs] == [1] * len(jobs)
            assert {"slow", "half", "away"} <= set(bucket.faults)
        finally:
            cluster.stop()
