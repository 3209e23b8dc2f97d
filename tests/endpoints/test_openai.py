"""OpenAI's API on both deployment targets, over plain HTTP; tests/sdk uses the SDKs."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from tests.acceptance.api import everything_below
from tests.endpoints.targets import Answer, Targets
from tests.media import Media
from tests.replies import Reply, bad_key, broken, rate_limited, transcription
from tests.serving import Client, wait_until
from tests.upstream import KEY, Upstream

PATH = "/v1/audio/transcriptions"


@pytest.fixture
def post(targets: Targets, media: Media, upstream: Upstream) -> Any:
    """Post a recording with fields; the engine sends `replies` to each target."""

    def send(
        *replies: Reply, path: str = PATH, headers: dict[str, str] | None = None, **fields: Any
    ) -> Answer:
        upstream.script.extend([*replies, *replies])
        files = {"file": ("a.mp3", media("cbr.mp3").read_bytes())}
        return targets("POST", path, files=files, data={"model": "whisper-1", **fields}, headers=headers)

    return send


@pytest.mark.parametrize("path", [PATH, "/openai/v1/audio/transcriptions"])
def test_both_prefixes_answer(path: str, post: Any) -> None:
    answer = post(transcription("hola"), path=path)
    usage = {"type": "duration", "seconds": 4}
    assert answer.json() == {
        "text": "hola",
        "usage": usage,
        "x_groq": {"id": answer.headers["x-request-id"]},
    }


@pytest.mark.parametrize("stream", ["true", "false"])
def test_fields_that_change_nothing_are_named_in_a_header(stream: str, post: Any) -> None:
    answer = post(transcription("hola"), stream=stream, vad_filter="true", user="ana")
    assert (answer.status, answer.headers["x-escriba-ignored"]) == (200, "vad_filter, user")
    assert "x-escriba-ignored" not in post(transcription("hola"), stream=stream).headers


def test_the_model_that_ran_is_in_a_verbose_answer(post: Any) -> None:
    answer = post(transcription("hola"), model="gpt-4o-transcribe", response_format="verbose_json")
    assert answer.json()["model"] == "whisper-large-v3-turbo"
    path = "/v1/audio/translations"
    answer = post(transcription("hi"), path=path, model="", response_format="verbose_json")
    assert answer.json()["model"] == "whisper-large-v3"


@pytest.mark.parametrize("task", ["transcriptions", "translations"])
def test_azures_address_names_the_model(task: str, post: Any, upstream: Upstream) -> None:
    path = f"/openai/deployments/whisper-large-v3/audio/{task}?api-version=2024-06-01"
    headers = {"api-key": "any"}
    answer = post(transcription("hola"), path=path, model="", response_format="verbose_json", headers=headers)
    assert (answer.status, answer.json()["model"]) == (200, "whisper-large-v3")
    assert post(transcription("hola"), path=path.replace("whisper-large-v3", "mine")).status == 200


WRONG_BASES = [
    ("POST", "/audio/transcriptions", "/v1", "/v1/audio/transcriptions"),
    ("POST", "/v1/v1/audio/translations", "/v1", "/v1/audio/translations"),
    ("POST", "/v1/audio/transcriptions/", "/v1", "/v1/audio/transcriptions"),
    ("GET", "/models", "/v1", "/v1/models"),
    ("GET", "/v1/v1/models", "/v1", "/v1/models"),
    ("POST", "/v1/openai/v1/audio/transcriptions", "", "/openai/v1/audio/transcriptions"),
    ("POST", "/openai/v1/openai/v1/audio/transcriptions", "", "/openai/v1/audio/transcriptions"),
    ("POST", "/openai/audio/transcriptions", "/v1", "/v1/audio/transcriptions"),
    ("POST", "/v1/chat/completions", "/v1", "/v1/audio/transcriptions"),
]


@pytest.mark.parametrize(("method", "path", "base", "address"), WRONG_BASES)
def test_a_wrong_base_url_is_answered_with_the_right_one(
    method: str, path: str, base: str, address: str, targets: Targets
) -> None:
    answer = targets(method, path)
    root = targets.server.url
    assert (answer.status, answer.code) == (404, "base_url_wrong")
    assert answer.json()["error"]["type"] == "invalid_request_error"
    assert f"base URL to {root}{base}, so that it calls {root}{address}." in answer.json()["error"]["message"]


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", PATH, "POST"),
        ("POST", "/v1/models", "GET, HEAD"),
        ("DELETE", "/openai/v1/models/whisper-1", "GET, HEAD"),
        ("PUT", "/openai/deployments/a/audio/translations", "POST"),
        ("HEAD", "/v1/audio/translations", "POST"),
    ],
)
def test_a_wrong_method_is_refused_in_openais_shape(
    method: str, path: str, allowed: str, targets: Targets
) -> None:
    answer = targets(method, path)
    assert (answer.status, answer.headers["allow"]) == (405, allowed)
    if method != "HEAD":
        assert answer.json()["error"]["type"] == "invalid_request_error"


@pytest.mark.parametrize("format_", ["text", "srt", "vtt"])
def test_text_formats_are_plain_text_in_utf_8(format_: str, post: Any) -> None:
    answer = post(transcription("¿qué tal?"), response_format=format_)
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert "¿qué tal?" in answer.body.decode()


def test_a_stream_is_made_of_openais_events(post: Any) -> None:
    answer = post(transcription("hola"), stream="true")
    events = [json.loads(line.removeprefix("data: ")) for line in answer.body.decode().split("\n\n") if line]
    assert events == [
        {"type": "transcript.text.delta", "delta": "hola"},
        {"type": "transcript.text.done", "text": "hola"},
    ]


def test_any_key_or_none_is_accepted(post: Any) -> None:
    for headers in ({}, {"Authorization": "Bearer sk-anything"}, {"Authorization": "Basic eDp5"}):
        assert post(transcription("hola"), headers=headers).status == 200


REFUSED: dict[str, tuple[list[Reply], dict[str, Any], int, str, str | None]] = {
    "a parameter": ([], {"temperature": "x"}, 400, "option_invalid", "temperature"),
    "speakers": ([], {"diarize": "true"}, 400, "option_unsupported", "diarize"),
    "labels": ([], {"response_format": "diarized_json"}, 400, "speakers_unavailable", None),
    "a quota": ([rate_limited(retry_after=100)], {}, 429, "rate_limit_exceeded", None),
    "a key": ([bad_key()], {}, 401, "invalid_api_key", None),
    "the engine": ([broken()] * 3, {}, 502, "engine_broken", None),
    "a stream's quota": (
        [rate_limited(retry_after=100)],
        {"stream": "true"},
        429,
        "rate_limit_exceeded",
        None,
    ),
}


@pytest.mark.parametrize("what", sorted(REFUSED))
def test_an_error_has_openais_shape_in_both_languages(what: str, post: Any) -> None:
    replies, fields, status, code, param = REFUSED[what]
    english = post(*replies, **fields)
    error = english.json()["error"]
    assert (english.status, error["code"], error["param"]) == (status, code, param)
    assert set(error) == {"message", "type", "param", "code"}
    assert KEY not in english.body.decode()
    spanish = post(*replies, headers={"Accept-Language": "es"}, **fields)
    assert spanish.json()["error"]["message"] != error["message"]


def test_an_error_says_whether_a_retry_can_help(post: Any) -> None:
    assert post(rate_limited(retry_after=100)).headers["x-should-retry"] == "false"
    assert post(rate_limited(retry_after=3)).headers["x-should-retry"] == "true"
    assert post(temperature="x").headers["x-should-retry"] == "false"


def test_json_without_a_url_is_refused_in_openais_shape(targets: Targets) -> None:
    answer = targets("POST", PATH, json={"model": "whisper-1"})
    assert (answer.status, answer.code) == (400, "file_missing")
    assert answer.json()["error"]["type"] == "invalid_request_error"


def test_a_recording_may_be_as_large_as_that_of_a_job(targets: Targets, upstream: Upstream) -> None:
    """In these tests /transcribe takes no more than three megabytes."""
    files = {"file": ("a.mp3", b"\0" * (4 * 1024 * 1024))}
    answer = targets("POST", PATH, files=files, data={"model": "whisper-1"})
    assert (answer.status, answer.code) == (400, "audio_unreadable")


def test_the_engine_request_ends_when_the_client_leaves_the_stream(
    targets: Targets, media: Media, upstream: Upstream
) -> None:
    upstream.script.append(Reply(hang=True))
    files = {"file": ("a.mp3", media("cbr.mp3").read_bytes())}
    request = httpx.Request(
        "POST", targets.server.url, data={"model": "whisper-1", "stream": "true"}, files=files
    )
    with Client(targets.server.port) as client:
        client.post(PATH, request.read(), headers=f"content-type: {request.headers['content-type']}\r\n")
        wait_until(lambda: bool(upstream.requests))
    wait_until(lambda: upstream.requests[0].client_gone)
    scratch = targets.server.data_dir / "scratch"
    wait_until(lambda: not [path for path in everything_below(scratch) if path.name.startswith("openai-")])
    health = f"{targets.server.url}/health"
    wait_until(lambda: httpx.get(health, timeout=60).json()["inHand"]["transcriptions"] == 0)


def test_openapi_shows_one_prefix(targets: Targets) -> None:
    paths = httpx.get(f"{targets.server.url}/openapi.json", timeout=60).json()["paths"]
    assert {"/v1/audio/transcriptions", "/v1/audio/translations", "/v1/models"} <= set(paths)
    assert not [path for path in paths if path.startswith("/openai/")]
    form = paths[PATH]["post"]["requestBody"]["content"]["multipart/form-data"]["schema"]
    assert {"file", "url"} <= form["properties"].keys()
    assert form["properties"]["response_format"]["default"] == "json"
