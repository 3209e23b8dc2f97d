"""POST /transcribe in both homes: what comes out, what reaches the engine, and every way to be refused."""

from __future__ import annotations

from typing import Any

import pytest

from tests.acceptance.api import files_below
from tests.endpoints.homes import Answer, Homes
from tests.media import GOOD, Media
from tests.replies import Reply, bad_key, broken, html, not_media, over_quota, rate_limited, transcription
from tests.serving import wait_until
from tests.upstream import KEY, Upstream

SHORT = "cbr.mp3"


@pytest.fixture
def post(homes: Homes, media: Media, upstream: Upstream) -> Any:
    """Post a file of `media` with fields; `replies` are scripted for both homes alike."""

    def posted(
        name: str = SHORT, *replies: Reply, fields: dict[str, Any] | None = None, **how: Any
    ) -> Answer:
        upstream.script.extend([*replies, *replies])
        files = {"file": (name, media(name).read_bytes())}
        return homes("POST", "/transcribe", files=files, data=fields or {}, **how)

    return posted


def test_the_answer_has_text_segments_times_and_how_long_each_stage_took(post: Any) -> None:
    answer = post(SHORT, transcription("hola qué tal", language="Spanish"))
    told = answer.json()
    assert answer.status == 200
    assert told["text"] == "hola qué tal"
    assert told["language"] == "es"
    assert told["duration"] == pytest.approx(4.0, abs=0.1)
    assert told["segments"][0]["text"] == "hola qué tal"
    assert "words" not in told
    assert told["model"] == "whisper-large-v3-turbo"
    assert told["engine"] == "groq"
    assert {"receive", "prepare", "recognise", "total"} <= told["processing"].keys()


def test_word_times_come_when_they_are_asked_for(post: Any) -> None:
    for asked in (
        {"timestamps": "segment,word"},
        {"timestamps": ["segment", "word"]},
        {"timestamps[]": "word"},
    ):
        told = post(SHORT, transcription("one two"), fields=asked).json()
        assert [word["word"] for word in told["words"]] == ["one", "two"]


def test_options_reach_the_engine(post: Any, upstream: Upstream) -> None:
    fields = {"language": "Español", "prompt": "Escriba", "temperature": "0.2", "model": "whisper-large-v3"}
    assert post(fields=fields).status == 200
    for seen in upstream.requests:
        sent = dict(seen.form.fields)
        assert sent["language"] == "es"
        assert sent["prompt"] == "Escriba"
        assert sent["temperature"] == "0.2"
        assert sent["model"] == "whisper-large-v3"


def test_translation_goes_to_a_model_that_can(post: Any, upstream: Upstream) -> None:
    answer = post(fields={"task": "translate"})
    assert answer.json()["model"] == "whisper-large-v3"
    assert answer.json()["warnings"]
    assert {seen.path for seen in upstream.requests} == {"/openai/v1/audio/translations"}


@pytest.mark.parametrize("name", sorted(GOOD))
def test_every_kind_of_recording_reaches_the_engine_under_a_name_it_takes(
    name: str, post: Any, upstream: Upstream
) -> None:
    # what ffmpeg puts into a new container differs by random ids
    answer = post(name, transcription("a tone"))
    assert answer.status == 200, answer.body
    silent = 6.0 if "late-sound" in name else 0.0  # a film that begins without a sound
    assert answer.json()["duration"] == pytest.approx(silent + 4.0, abs=0.2)
    assert all((seen.form.filename or "").startswith("audio.") for seen in upstream.requests)
    assert not any(seen.form.filename.endswith(".mp4") for seen in upstream.requests if seen.form.filename)


def test_the_name_and_the_content_type_of_a_file_mean_nothing(
    homes: Homes, media: Media, upstream: Upstream
) -> None:
    files = {"file": ("../../etc/passwd.txt", media("vorbis.ogg").read_bytes(), "text/plain")}
    assert homes("POST", "/transcribe", files=files).status == 200
    assert {seen.form.filename for seen in upstream.requests} == {"audio.ogg"}


# ── refusals ──────────────────────────────────────────────────────────────────────────────────────

NOT_AUDIO = {
    "text.mp3": (415, "audio_unreadable"),
    "noise.mp3": (415, "audio_unreadable"),
    "silent-film.mp4": (422, "audio_track_missing"),
    "five-milliseconds.wav": (422, "audio_too_short"),
    "cut.m4a": (422, "audio_truncated"),
    "silence-bomb.flac": (422, "audio_too_long"),
}


@pytest.mark.parametrize("name", sorted(NOT_AUDIO))
def test_what_is_no_recording_is_refused_with_a_code_of_its_own(
    name: str, post: Any, upstream: Upstream
) -> None:
    answer = post(name)
    assert (answer.status, answer.code) == NOT_AUDIO[name]
    assert answer.json()["error"]["requestId"]
    assert upstream.requests == []


REQUESTS: dict[str, tuple[dict[str, Any], int, str]] = {
    "no file": ({"data": {"language": "es"}, "files": {"x": (None, b"")}}, 422, "file_missing"),
    "an empty file": ({"files": {"file": ("a.mp3", b"")}}, 422, "file_empty"),
    "two files": ({"files": [("file", ("a.mp3", b"x")), ("file", ("b.mp3", b"y"))]}, 422, "file_repeated"),
    "an unknown option": ({"files": {"file": ("a", b"x")}, "data": {"lang": "es"}}, 422, "option_unknown"),
    "a language that is none": (
        {"files": {"file": ("a", b"x")}, "data": {"language": "klingon"}},
        422,
        "language_unknown",
    ),
    "a temperature out of range": (
        {"files": {"file": ("a", b"x")}, "data": {"temperature": "2"}},
        422,
        "option_invalid",
    ),
    "a task that is none": (
        {"files": {"file": ("a", b"x")}, "data": {"task": "sing"}},
        422,
        "option_invalid",
    ),
    "an option twice": (
        {"files": {"file": ("a", b"x")}, "data": {"task": ["transcribe", "translate"]}},
        422,
        "option_invalid",
    ),
    "timestamps that are none": (
        {"files": {"file": ("a", b"x")}, "data": {"timestamps": "letter"}},
        422,
        "option_invalid",
    ),
    "a model that is none": (
        {"files": {"file": ("a", b"x")}, "data": {"model": "gpt"}},
        422,
        "option_invalid",
    ),
    "json": ({"json": {"file": "x"}}, 415, "media_type_unsupported"),
    "no body": ({}, 415, "media_type_unsupported"),
    "a form without boundary": (
        {"content": b"x", "headers": {"Content-Type": "multipart/form-data"}},
        400,
        "body_malformed",
    ),
    "half a form": (
        {
            "content": b'--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\nx',
            "headers": {"Content-Type": "multipart/form-data; boundary=b"},
        },
        400,
        "body_malformed",
    ),
    "a compressed body": (
        {
            "content": b"x",
            "headers": {"Content-Type": "multipart/form-data; boundary=b", "Content-Encoding": "gzip"},
        },
        415,
        "content_encoding_unsupported",
    ),
    "one byte too many": (
        {"files": {"file": ("a.mp3", b"\0" * (3 * 1024 * 1024 + 1))}},
        413,
        "upload_too_large",
    ),
}


@pytest.mark.parametrize("what", sorted(REQUESTS))
def test_a_request_that_is_wrong_is_told_what_is_wrong_in_both_languages(what: str, homes: Homes) -> None:
    how, status, code = REQUESTS[what]
    english = homes("POST", "/transcribe", **how)
    assert (english.status, english.code) == (status, code)
    spanish = homes(
        "POST", "/transcribe", **{**how, "headers": {**how.get("headers", {}), "Accept-Language": "es-AR"}}
    )
    assert spanish.code == code
    assert spanish.json()["error"]["message"] != english.json()["error"]["message"]
    assert spanish.headers["content-language"] == "es"


def test_a_file_of_just_the_limit_is_not_too_large(homes: Homes) -> None:
    files = {"file": ("a.mp3", b"\0" * (3 * 1024 * 1024))}
    assert homes("POST", "/transcribe", files=files).code == "audio_unreadable"


ENGINE: dict[str, tuple[list[Reply], int, str]] = {
    "its key is wrong": ([bad_key()], 502, "engine_key_invalid"),
    "its quota is spent": ([rate_limited(retry_after=100)], 503, "engine_quota_spent"),
    "it is broken": ([broken(), broken(), broken()], 502, "engine_broken"),
    "a page of html": ([html(502), html(502), html(502)], 502, "engine_broken"),
    "half a body": ([Reply(send=0.5)] * 3, 502, "engine_broken"),
    "it finds no audio": ([not_media()], 415, "audio_unreadable"),
    "more than the hour holds": ([over_quota()], 413, "audio_over_quota"),
}


@pytest.mark.parametrize("what", sorted(ENGINE))
def test_what_the_engine_cannot_do_is_told_as_such(what: str, post: Any) -> None:
    replies, status, code = ENGINE[what]
    answer = post(SHORT, *replies)
    assert (answer.status, answer.code) == (status, code)
    assert KEY not in answer.body.decode()
    assert "org_" not in answer.body.decode()


def test_a_spent_quota_tells_when_to_come_back(post: Any) -> None:
    answer = post(SHORT, rate_limited(retry_after=100))
    assert answer.headers["retry-after"] == "100"
    assert answer.json()["error"]["retryAfter"] == 100


def test_a_passing_trouble_of_the_engine_is_not_seen(post: Any) -> None:
    # Both homes take from one script, so the order is: trouble, then an answer, for each.
    assert post(SHORT, broken(503), transcription("after all")).json()["text"] == "after all"


def test_nothing_is_left_on_disk(homes: Homes, post: Any) -> None:
    post(SHORT)
    post("text.mp3")
    wait_until(lambda: files_below(homes.server.data_dir) == [])
