"""Jobs on both deployment targets: the same requests in the same order, and the same answers."""

from __future__ import annotations

import json
import uuid
from http.client import HTTPConnection
from typing import Any

import httpx
import pytest

from tests.endpoints.targets import Targets
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


def test_a_recording_becomes_a_job_and_the_job_a_transcript(
    targets: Targets, upstream: Upstream, job_id: str
) -> None:
    accepted = targets("POST", "/transcribe-job", **form(jobId=job_id, language="es", userId="maria"))
    assert (accepted.status, accepted.json()["status"]) == (202, "queued")
    assert targets.finish(job_id) == "completed"
    job = targets("GET", f"/job/{job_id}")
    assert job.json()["result"]["text"].startswith("heard ")
    assert job.json()["result"]["language"] == "en"
    assert job.headers["cache-control"] == "no-store"
    for query in ("", "?format=srt", "?format=vtt", "?format=tsv", "?format=txt", "?format=docx"):
        targets("GET", f"/job/{job_id}/transcript{query}")


def test_a_repeated_submit_is_the_same_job_and_other_content_with_its_id_a_conflict(
    targets: Targets, upstream: Upstream, job_id: str
) -> None:
    targets("POST", "/transcribe-job", **form(jobId=job_id))
    targets.finish(job_id)
    again = targets("POST", "/transcribe-job", **form(jobId=job_id))
    assert (again.status, again.json()["status"]) == (202, "completed")
    other = targets("POST", "/transcribe-job", **form(jobId=job_id, language="fr"))
    assert (other.status, other.code) == (409, "job_conflict")


@pytest.mark.parametrize("ended", ["completed", "failed"])
def test_a_deleted_job_that_is_sent_again_runs_anew(
    ended: str, targets: Targets, upstream: Upstream, job_id: str
) -> None:
    if ended == "failed":
        upstream.script.extend([not_media(), not_media()])
    request = form(jobId=job_id, language="es")
    assert targets("POST", "/transcribe-job", **request).status == 202
    assert targets.finish(job_id) == ended
    before = targets("DELETE", f"/job/{job_id}").json()
    again = targets("POST", "/transcribe-job", **request)
    assert (again.status, again.json()["jobId"], again.json()["status"]) == (202, job_id, "queued")
    assert targets.finish(job_id) == "completed"
    job = targets("GET", f"/job/{job_id}").json()
    assert job["result"]["text"].startswith("heard ")
    assert job["run"] == 2
    assert "erasedAt" not in job
    assert job["seq"] > before["seq"]
    assert targets("POST", "/transcribe-job", **request).json()["status"] == "completed"


def test_a_deleted_job_whose_audio_is_posted_apart_gets_a_new_upload(targets: Targets, job_id: str) -> None:
    body = {"jobId": job_id, "filename": "voz.wav"}
    for _ in range(2):
        expected = targets("POST", "/transcribe-job", json=body)
        assert (expected.status, expected.json()["status"]) == (201, "pending")
        assert expected.json()["upload"]["url"]
        targets("DELETE", f"/job/{job_id}")


def test_one_idempotency_key_is_one_job(targets: Targets, upstream: Upstream) -> None:
    key = {"Idempotency-Key": str(uuid.uuid4())}
    ids = {
        targets("POST", "/transcribe-job", compare=False, headers=key, **form()).json()["jobId"]
        for _ in range(2)
    }
    assert len(ids) == 1
    targets.finish(ids.pop())  # or its run would take a scripted reply from another test


def test_a_job_without_audio_says_where_to_post_it(targets: Targets, job_id: str) -> None:
    expected = targets("POST", "/transcribe-job", json={"jobId": job_id, "filename": "voz.wav"})
    assert (expected.status, expected.json()["status"]) == (201, "pending")
    upload = expected.json()["upload"]
    assert set(upload) == {"url", "fields", "expiresAt"}
    assert targets("GET", f"/job/{job_id}").json()["stage"] == "upload"
    assert targets("POST", "/transcribe-job", json={"jobId": job_id}).status == 201
    assert targets("GET", f"/job/{job_id}/transcript").status >= 400


@pytest.mark.parametrize(
    ("size_bytes", "code"),
    [(0, "file_empty"), (201 * 1024 * 1024, "upload_too_large")],
    ids=["empty", "large"],
)
def test_a_recording_that_would_be_refused_makes_no_job(
    targets: Targets, job_id: str, size_bytes: int, code: str
) -> None:
    answer = targets("POST", "/transcribe-job", json={"jobId": job_id, "sizeBytes": size_bytes})
    assert answer.code == code
    assert targets("GET", f"/job/{job_id}").status == 404


def _post_audio(upload: dict[str, Any], content: bytes) -> httpx.Response:
    return httpx.post(upload["url"], data=upload["fields"], files={"file": ("a.wav", content)}, timeout=60)


def test_a_refused_recording_ends_its_job_at_once_and_a_retry_takes_another(
    targets: Targets, upstream: Upstream, job_id: str
) -> None:
    upload = targets("POST", "/transcribe-job", json={"jobId": job_id}).json()["upload"]
    assert _post_audio(upload, b"").json()["error"]["code"] == "file_empty"
    job = targets("GET", f"/job/{job_id}", compare=False).json()
    assert (job["status"], job["error"]["code"], job["error"]["stage"]) == ("failed", "file_empty", "upload")
    retried = targets("POST", f"/job/{job_id}/retry", compare=False).json()
    assert _post_audio(retried["upload"], SPEECH).status_code == 202


def test_a_recording_that_is_too_large_ends_its_job_before_it_is_received(
    targets: Targets, job_id: str
) -> None:
    upload = targets("POST", "/transcribe-job", json={"jobId": job_id}).json()["upload"]
    address = httpx.URL(upload["url"])
    client = HTTPConnection(address.host, address.port, timeout=60)
    size = {"Content-Type": "multipart/form-data; boundary=x", "Content-Length": str(300 * 1024 * 1024)}
    client.request("POST", address.raw_path.decode(), headers=size)
    assert json.load(client.getresponse())["error"]["code"] == "upload_too_large"
    client.close()
    assert targets("GET", f"/job/{job_id}", compare=False).json()["error"]["code"] == "upload_too_large"


def test_a_recording_without_its_ticket_ends_no_job(targets: Targets, job_id: str) -> None:
    upload = targets("POST", "/transcribe-job", json={"jobId": job_id}).json()["upload"]
    forged = {**upload, "fields": {**upload["fields"], "signature": "0" * 64}}
    assert _post_audio(forged, b"").status_code == 403
    assert targets("GET", f"/job/{job_id}").json()["status"] == "pending"


def test_a_job_can_be_cancelled_twice_and_retried(targets: Targets, upstream: Upstream, job_id: str) -> None:
    targets("POST", "/transcribe-job", json={"jobId": job_id})
    for _ in range(2):
        assert targets("DELETE", f"/job/{job_id}").json()["status"] == "cancelled"
    again = targets("POST", f"/job/{job_id}/retry")
    assert (again.status, again.json()["status"], again.json()["run"]) == (202, "pending", 2)
    targets("DELETE", f"/job/{job_id}")


def test_audio_that_the_engine_cannot_read_fails_the_job_with_the_reason(
    targets: Targets, upstream: Upstream, job_id: str
) -> None:
    upstream.script.extend([not_media(), not_media()])
    targets("POST", "/transcribe-job", **form(jobId=job_id))
    assert targets.finish(job_id) == "failed"
    job = targets("GET", f"/job/{job_id}", headers={"Accept-Language": "es"})
    assert job.json()["error"]["code"] == "audio_unreadable"
    retried = targets("POST", f"/job/{job_id}/retry")
    assert (retried.status, retried.json()["status"]) == (202, "pending")


def test_a_job_that_failed_at_the_engine_can_be_retried(
    targets: Targets, upstream: Upstream, job_id: str
) -> None:
    upstream.script.extend([bad_key(), bad_key()])
    targets("POST", "/transcribe-job", **form(jobId=job_id))
    assert targets.finish(job_id) == "failed"
    assert targets("GET", f"/job/{job_id}").json()["error"]["code"] == "engine_key_invalid"
    retried = targets("POST", f"/job/{job_id}/retry")
    assert (retried.status, retried.json()["status"]) == (202, "queued")
    assert targets.finish(job_id) == "completed"
    refused = targets("POST", f"/job/{job_id}/retry")
    assert (refused.status, refused.code) == (409, "job_not_retryable")


def test_a_deleted_transcript_is_410(targets: Targets, upstream: Upstream, job_id: str) -> None:
    targets("POST", "/transcribe-job", **form(jobId=job_id))
    targets.finish(job_id)
    assert targets("DELETE", f"/job/{job_id}").status == 200
    gone = targets("GET", f"/job/{job_id}", compare=False)
    assert (gone.status, gone.code) == (410, "job_expired")
    assert targets("POST", f"/job/{job_id}/redeliver").status == 202


@pytest.mark.parametrize("job_id", [UNKNOWN, "x", "..%2F..%2Fetc", "%00", "a" * 300])
def test_an_unknown_or_malformed_id_is_404(targets: Targets, job_id: str) -> None:
    for method, path in (("GET", ""), ("DELETE", ""), ("POST", "/retry"), ("GET", "/events")):
        answer = targets(method, f"/job/{job_id}{path}")
        assert answer.status == 404


@pytest.mark.parametrize(
    "arguments",
    [
        {"content": b"{", "headers": {"Content-Type": "application/json"}},
        {"content": b"[" * 100_000, "headers": {"Content-Type": "application/json"}},
        {"json": {"jobId": "x"}},
        {"json": {"language": "klingon"}},
        {"json": {"callbackUrl": "https://example.com"}},
        {"json": {"lang": "es"}},
        {"json": {"speakers": "true"}},
        {"files": {"file": ("a.wav", b"")}},
        {"data": {"language": "es"}, "files": {"other": ("a.wav", b"RIFF")}},
        {"content": b"RIFF", "headers": {"Content-Type": "audio/wav"}},
    ],
    ids=["cut", "deep", "id", "language", "callback", "unknown", "speakers", "empty", "no file", "type"],
)
def test_a_request_that_cannot_become_a_job_is_refused(targets: Targets, arguments: dict[str, Any]) -> None:
    answer = targets("POST", "/transcribe-job", **arguments)
    assert answer.status in {400, 415, 422}


def test_a_job_can_be_watched_as_an_event_stream(targets: Targets, job_id: str) -> None:
    targets("POST", "/transcribe-job", json={"jobId": job_id})
    targets("DELETE", f"/job/{job_id}")
    stream = targets("GET", f"/job/{job_id}/events", compare=False)
    assert stream.status in {200, 204}
    assert targets("GET", f"/job/{job_id}?after=0&wait=1").json()["status"] == "cancelled"


def test_a_wait_without_a_change_ends_with_the_current_state(targets: Targets, job_id: str) -> None:
    targets("POST", "/transcribe-job", json={"jobId": job_id})
    assert targets("GET", f"/job/{job_id}?wait=1").json()["status"] == "pending"
    tag = targets("GET", f"/job/{job_id}").headers["etag"]
    again = httpx.get(f"{targets.server.url}/job/{job_id}", headers={"If-None-Match": tag}, timeout=60)
    assert again.status_code == 304
    targets("DELETE", f"/job/{job_id}")
