"""A client puts its recording into the bucket itself, and the job runs whether or not it says so."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import httpx

from tests.acceptance.api import Api, calls, text_of
from tests.acceptance.client import tone
from tests.cluster import Cluster
from tests.serving import wait_until
from tests.upstream import Upstream

RANDOM = random.Random(29)


def announce(upload: dict[str, Any]) -> httpx.Response:
    """Say that the recording is in the bucket."""
    return httpx.post(upload["url"], json=upload["fields"], timeout=60)


def test_a_recording_that_a_client_puts_into_the_bucket_is_transcribed(
    tmp_path: Path, upstream: Upstream
) -> None:
    cluster = Cluster(
        tmp_path, upstream, {"UPLOAD_TICKET_SECONDS": "4", "UPLOAD_TIMEOUT": "2", "SWEEP_SECONDS": "0.5"}
    )
    try:
        api = Api(cluster.start().url)
        audio, silent, both = tone(RANDOM), tone(RANDOM), tone(RANDOM)
        job = api.expect(sizeBytes=len(audio)).json()
        missing = announce(job["upload"])
        assert (missing.status_code, missing.json()["error"]["code"]) == (422, "file_missing")
        forged = {**job["upload"], "fields": {**job["upload"]["fields"], "maxBytes": "1"}}
        assert announce(forged).status_code == 403
        assert httpx.put(job["upload"]["directUrl"], content=audio).status_code == 200
        assert [announce(job["upload"]).status_code for _ in range(2)] == [202, 202]
        assert api.completed(job["jobId"]) == text_of(audio)
        # One that leaves before it could say so: the sweep finds its recording.
        left = api.expect(sizeBytes=len(silent)).json()
        assert httpx.put(left["upload"]["directUrl"], content=silent).status_code == 200
        # One whose way to the bucket is closed posts the form to us, as where there is no bucket.
        form = api.expect(sizeBytes=len(both)).json()
        assert api.upload(form["upload"], both).status_code == 202
        assert api.completed(form["jobId"]) == text_of(both)
        assert announce(form["upload"]).status_code == 202
        assert api.completed(left["jobId"]) == text_of(silent)
        assert [len(calls(upstream, each)) for each in (audio, silent, both)] == [1, 1, 1]
        # Nothing comes for a job that never gets a recording.
        assert "directUrl" not in api.expect().json()["upload"]
        wait_until(lambda: cluster.recordings() == [])
    finally:
        cluster.stop()
