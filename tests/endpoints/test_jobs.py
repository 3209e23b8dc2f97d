"""Jobs in both homes: the same requests in the same order, and the same answers."""

from __future__ import annotations

import uuid
from typing import Any

import httpx
import pytest

from tests.endpoints.homes import Homes
from tests.replies import bad_key, not_media
from tests.server import ROOT
from tests.upstream import Upstream

SPEECH = (ROOT / "tests" / "data" / "english-short.wav").read_bytes()
UNKNOWN = "6f1c1f0e-6c1f-4d0e-9a53-5d1f0a7f2f10"


def form(**fields: str) -> dict[str, Any]:
    return {"data": fields, "files": {"file": ("voz.wav", SPEECH, "audio/wav")}}


@pytest.fixture
def job_id() -> str:
    return str(uuid.uuid4())


def test_a_recording_becomes_a_job_and_the_job_a_text(homes: Homes, upstream: Upstream, job_id: str) -> None:
    accepted = homes("POST", "/transcribe-job", **form(jobId=job_id, language="es", userId="maria"))
    assert (accepted.status, accepted.json()["status"]) == (202, "queued")
    assert homes.settle(job_id) == "completed"
    told = homes("GET", f"/job/{job_id}")
    assert told.json()["result"]["text"].startswith("heard ")
    assert told.json()["result"]["language"] == "en"
    assert told.headers["cache-control"] == "no-store"
    for query in ("", "?format=srt", "?format=vtt", "?format=tsv", "?format=txt", "?format=docx"):
        homes("GET", f"/job/{job_id}/transcript{query}")


def test_the_same_job_again_is_the_same_and_another_under_its_id_a_conflict(
    homes: Homes, upstream: Upstream, job_id: str
) -> None:
    homes("POST", "/transcribe-job", **form(jobId=job_id))
    homes.settle(job_id)
    again = homes("POST", "/transcribe-job", **form(jobId=job_id))
    assert (again.status, again.json()["status"]) == (202, "completed")
    other = homes("POST", "/transcribe-job", **form(jobId=job_id, language="fr"))
    assert (other.status, other.code) == (409, "job_conflict")


def test_a_key_instead_of_an_id_stands_for_one_job(homes: Homes, upstream: Upstream) -> None:
    key = {"Idempotency-Key": str(uuid.uuid4())}
    ids = {
        homes("POST", "/transcribe-job", compare=False, headers=key, **form()).json()["jobId"]
        for _ in range(2)
    }
    assert len(ids) == 1
    homes.settle(ids.pop())  # or what its run asks of the engine is another test's


def test_a_job_may_be_expected_and_its_audio_told_where_to_go(homes: Homes, job_id: str) -> None:
    expected = homes("POST", "/transcribe-job", json={"jobId": job_id, "filename": "voz.wav"})
    assert (expected.status, expected.json()["status"]) == (201, "pending")
    upload = expected.json()["upload"]
    assert set(upload) == {"url", "fields", "expiresAt"}
    assert homes("GET", f"/job/{job_id}").json()["stage"] == "upload"
    assert homes("POST", "/transcribe-job", json={"jobId": job_id}).status == 201
    assert homes("GET", f"/job/{job_id}/transcript").status >= 400


def test_ending_a_job_is_harmless_twice_and_it_can_be_run_again(
    homes: Homes, upstream: Upstream, job_id: str
) -> None:
    homes("POST", "/transcribe-job", json={"jobId": job_id})
    for _ in range(2):
        assert homes("DELETE", f"/job/{job_id}").json()["status"] == "cancelled"
    again = homes("POST", f"/job/{job_id}/retry")
    assert (again.status, again.json()["status"], again.json()["run"]) == (202, "pending", 2)
    homes("DELETE", f"/job/{job_id}")


def test_what_the_engine_cannot_read_fails_with_its_reason_in_the_readers_language(
    homes: Homes, upstream: Upstream, job_id: str
) -> None:
    upstream.script.extend([not_media(), not_media()])
    homes("POST", "/transcribe-job", **form(jobId=job_id))
    assert homes.settle(job_id) == "failed"
    told = homes("GET", f"/job/{job_id}", headers={"Accept-Language": "es"})
    assert told.json()["error"]["code"] == "audio_unreadable"
    retried = homes("POST", f"/job/{job_id}/retry")
    assert (retried.status, retried.json()["status"]) == (202, "pending")


def test_what_the_engine_broke_on_is_run_again_when_it_is_asked_for(
    homes: Homes, upstream: Upstream, job_id: str
) -> None:
    upstream.script.extend([bad_key(), bad_key()])
    homes("POST", "/transcribe-job", **form(jobId=job_id))
    assert homes.settle(job_id) == "failed"
    assert homes("GET", f"/job/{job_id}").json()["error"]["code"] == "engine_key_invalid"
    retried = homes("POST", f"/job/{job_id}/retry")
    assert (retried.status, retried.json()["status"]) == (202, "queued")
    assert homes.settle(job_id) == "completed"
    refused = homes("POST", f"/job/{job_id}/retry")
    assert (refused.status, refused.code) == (409, "job_not_retryable")


def test_a_text_that_was_removed_is_gone_and_known_to_be(
    homes: Homes, upstream: Upstream, job_id: str
) -> None:
    homes("POST", "/transcribe-job", **form(jobId=job_id))
    homes.settle(job_id)
    assert homes("DELETE", f"/job/{job_id}").status == 200
    gone = homes("GET", f"/job/{job_id}", compare=False)
    assert (gone.status, gone.code) == (410, "job_expired")
    assert homes("POST", f"/job/{job_id}/redeliver").status == 202


@pytest.mark.parametrize("place", [UNKNOWN, "x", "..%2F..%2Fetc", "%00", "a" * 300])
def test_what_is_no_job_is_not_found(homes: Homes, place: str) -> None:
    for method, path in (("GET", ""), ("DELETE", ""), ("POST", "/retry"), ("GET", "/events")):
        answer = homes(method, f"/job/{place}{path}")
        assert answer.status == 404


@pytest.mark.parametrize(
    "asked",
    [
        {"content": b"{", "headers": {"Content-Type": "application/json"}},
        {"content": b"[" * 100_000, "headers": {"Content-Type": "application/json"}},
        {"json": {"jobId": "x"}},
        {"json": {"language": "klingon"}},
        {"json": {"callbackUrl": "https://example.com"}},
        {"json": {"lang": "es"}},
        {"files": {"file": ("a.wav", b"")}},
        {"data": {"language": "es"}, "files": {"other": ("a.wav", b"RIFF")}},
        {"content": b"RIFF", "headers": {"Content-Type": "audio/wav"}},
    ],
    ids=["cut", "deep", "id", "language", "callback", "unknown", "empty", "no file", "type"],
)
def test_what_cannot_be_a_job_is_refused_alike(homes: Homes, asked: dict[str, Any]) -> None:
    answer = homes("POST", "/transcribe-job", **asked)
    assert answer.status in {400, 415, 422}


def test_a_job_is_watched_by_a_stream_that_begins_with_how_it_stands(homes: Homes, job_id: str) -> None:
    homes("POST", "/transcribe-job", json={"jobId": job_id})
    homes("DELETE", f"/job/{job_id}")
    stream = homes("GET", f"/job/{job_id}/events", compare=False)
    assert stream.status in {200, 204}
    assert homes("GET", f"/job/{job_id}?after=0&wait=1").json()["status"] == "cancelled"


def test_waiting_for_news_that_do_not_come_ends_with_how_it_stands(homes: Homes, job_id: str) -> None:
    homes("POST", "/transcribe-job", json={"jobId": job_id})
    assert homes("GET", f"/job/{job_id}?wait=1").json()["status"] == "pending"
    tag = homes("GET", f"/job/{job_id}").headers["etag"]
    again = httpx.get(f"{homes.server.url}/job/{job_id}", headers={"If-None-Match": tag}, timeout=60)
    assert again.status_code == 304
    homes("DELETE", f"/job/{job_id}")
