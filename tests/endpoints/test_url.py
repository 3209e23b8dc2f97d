"""A recording by its address on both deployment targets: every endpoint, every kind of body, each refusal."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.endpoints.targets import Targets
from tests.file_server import FileServer, broken_off, redirect, status
from tests.media import Media
from tests.replies import transcription
from tests.upstream import Upstream

TRANSCRIPTIONS = "/v1/audio/transcriptions"


@pytest.fixture(scope="module")
def running() -> Iterator[FileServer]:
    with FileServer() as server:
        yield server


@pytest.fixture
def files(running: FileServer, media: Media, upstream: Upstream) -> FileServer:
    running.reset()
    running.files["/cbr.mp3"] = media("cbr.mp3").read_bytes()
    upstream.default = transcription("hola desde lejos")
    return running


BODIES: dict[str, Any] = {
    "json": lambda fields: {"json": fields},
    "form": lambda fields: {"data": fields},
    "multipart": lambda fields: {"files": {name: (None, str(value)) for name, value in fields.items()}},
}


@pytest.mark.parametrize("path", ["/transcribe", TRANSCRIPTIONS, "/openai/v1/audio/transcriptions"])
@pytest.mark.parametrize("body", BODIES)
def test_the_text_of_a_recording_at_an_address(
    path: str, body: str, targets: Targets, files: FileServer
) -> None:
    answer = targets("POST", path, **BODIES[body]({"url": f"{files.url}/cbr.mp3"}))
    assert (answer.status, answer.json()["text"]) == (200, "hola desde lejos"), answer.body


def test_options_beside_it_count_and_its_name_names_the_file(
    targets: Targets, files: FileServer, upstream: Upstream
) -> None:
    fields = {"url": f"{files.url}/cbr.mp3", "format": "srt", "language": "es", "guard": True}
    answer = targets("POST", "/transcribe", json=fields)
    assert answer.headers["content-disposition"].endswith('filename="cbr.srt"')
    assert {dict(seen.form.fields)["language"] for seen in upstream.requests} == {"es"}


def test_a_broken_connection_and_redirects_are_no_matter(targets: Targets, files: FileServer) -> None:
    files.script += [redirect("/cbr.mp3"), broken_off(0.5), redirect("/cbr.mp3")]
    answer = targets("POST", "/transcribe", json={"url": f"{files.url}/elsewhere"}, compare=False)
    assert answer.json()["text"] == "hola desde lejos"


@pytest.mark.parametrize(
    ("answer", "expected", "code"),
    [
        (status(404), 422, "url_not_found"),
        (status(403), 422, "url_denied"),
        (status(500), 502, "url_unreachable"),
        (status(200, b"<!DOCTYPE html><title>Log in</title>", Content_Type="audio/mpeg"), 415, "url_is_page"),
        (status(200, b"not audio at all" * 9, Content_Type="audio/mpeg"), 415, "audio_unreadable"),
        (status(200), 422, "file_empty"),
        (redirect("ftp://127.0.0.1/"), 422, "option_invalid"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_each_failure_has_a_code_in_both_apis(
    answer: Any, expected: int, code: str, targets: Targets, files: FileServer
) -> None:
    files.script += [answer] * 4
    ours = targets("POST", "/transcribe", json={"url": f"{files.url}/x"}, headers={"accept-language": "es"})
    assert (ours.status, ours.code) == (expected, code)
    theirs = targets("POST", TRANSCRIPTIONS, json={"url": f"{files.url}/x", "model": "whisper-1"})
    assert (theirs.status, theirs.code) == (400 if expected < 500 else expected, code)


def test_a_file_and_an_address_are_one_too_many(targets: Targets, files: FileServer, media: Media) -> None:
    file = {"file": ("a.mp3", media("cbr.mp3").read_bytes())}
    for path in ("/transcribe", "/transcribe-job", TRANSCRIPTIONS):
        answer = targets("POST", path, files=file, data={"url": f"{files.url}/cbr.mp3"})
        assert answer.code == "option_invalid"
        assert "url" in answer.json()["error"]["message"]
        assert targets("POST", path, files=file, data={"url": ""}, compare=False).status in {200, 202}
    assert files.requests == []


@pytest.mark.parametrize("path", ["/transcribe", TRANSCRIPTIONS])
def test_neither_is_too_few(path: str, targets: Targets) -> None:
    for body in BODIES.values():
        assert targets("POST", path, **body({"language": "es"})).code == "file_missing"
    assert targets("POST", "/transcribe-job", files={"language": (None, "es")}).code == "file_missing"


@pytest.mark.parametrize("body", ["[]", "{", '"x"', '{"url": {}}', '{"url": true}', '{"url": ["a", "b"]}'])
def test_json_that_makes_no_sense_is_refused(body: str, targets: Targets) -> None:
    headers = {"content-type": "application/json"}
    for path in ("/transcribe", "/transcribe-job", TRANSCRIPTIONS):
        answer = targets("POST", path, content=body, headers=headers)
        assert answer.code in {"body_malformed", "option_invalid"}


def test_a_job_fetches_its_recording(targets: Targets, files: FileServer) -> None:
    for body in BODIES.values():
        answer = targets("POST", "/transcribe-job", **body({"url": f"{files.url}/cbr.mp3"}), compare=False)
        assert (answer.status, answer.json()["status"]) == (202, "queued")
        job_id = answer.json()["jobId"]
        assert targets.finish(job_id) == "completed"
        job = httpx.get(f"{targets.server.url}/job/{job_id}").json()
        assert job["result"]["text"] == "hola desde lejos"
        assert files.url not in json.dumps(job)


def test_both_targets_run_it_and_tell_the_same(targets: Targets, files: FileServer) -> None:
    job_id = "0b9c1d52-0f3f-4a55-9a3a-5f0e6f1f7a01"
    fields = {"url": f"{files.url}/cbr.mp3", "jobId": job_id}
    assert targets("POST", "/transcribe-job", json=fields).status == 202
    assert targets.finish(job_id) == "completed"
    answer = targets("GET", f"/job/{job_id}")
    assert answer.json()["result"]["text"] == "hola desde lejos"
    assert targets("POST", "/transcribe-job", json=fields).json()["status"] == "completed"
    other = targets("POST", "/transcribe-job", json={**fields, "url": f"{files.url}/other"})
    assert other.code == "job_conflict"


def test_a_job_whose_address_has_nothing_fails_with_its_code(targets: Targets, files: FileServer) -> None:
    job_id = "0b9c1d52-0f3f-4a55-9a3a-5f0e6f1f7a02"
    assert (
        targets("POST", "/transcribe-job", json={"url": f"{files.url}/gone", "jobId": job_id}).status == 202
    )
    assert targets.finish(job_id) == "failed"
    error = targets("GET", f"/job/{job_id}", headers={"accept-language": "es"}).json()["error"]
    assert (error["code"], error["stage"], error["retryable"]) == ("url_not_found", "download", False)
    assert "404" in error["message"]
    files.files["/gone"] = files.files["/cbr.mp3"]
    assert targets("POST", f"/job/{job_id}/retry").json()["status"] == "queued"
    assert targets.finish(job_id) == "completed"


def test_an_address_that_is_none_is_refused_at_once(targets: Targets) -> None:
    for path in ("/transcribe", "/transcribe-job", TRANSCRIPTIONS):
        answer = targets("POST", path, json={"url": "ftp://example.com/a.mp3"})
        assert answer.code == "option_invalid"
