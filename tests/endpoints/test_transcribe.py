"""POST /transcribe on both deployment targets: its answer, what reaches the engine, and every refusal."""

from __future__ import annotations

from typing import Any

import pytest

from common.groq.request import PROMPT_CUT
from common.warnings import warning_view
from tests.acceptance.api import files_below
from tests.endpoints.targets import Answer, Targets
from tests.media import GOOD, Media
from tests.replies import Reply, bad_key, broken, html, not_media, over_quota, rate_limited, transcription
from tests.serving import wait_until
from tests.upstream import KEY, Upstream

SHORT = "cbr.mp3"


@pytest.fixture
def post(targets: Targets, media: Media, upstream: Upstream) -> Any:
    """Post a file of `media` with fields; the engine sends `replies` to each target."""

    def send(name: str = SHORT, *replies: Reply, fields: dict[str, Any] | None = None) -> Answer:
        upstream.script.extend([*replies, *replies])
        files = {"file": (name, media(name).read_bytes())}
        return targets("POST", "/transcribe", files=files, data=fields or {})

    return send


def test_the_answer_has_text_segments_and_the_seconds_of_each_stage(post: Any) -> None:
    answer = post(SHORT, transcription("hola qué tal", language="Spanish"))
    transcript = answer.json()
    assert answer.status == 200
    assert transcript["text"] == "hola qué tal"
    assert transcript["language"] == "es"
    assert transcript["duration"] == pytest.approx(4.0, abs=0.1)
    assert transcript["segments"][0]["text"] == "hola qué tal"
    assert "words" not in transcript
    assert transcript["model"] == "whisper-large-v3-turbo"
    assert transcript["engine"] == "groq"
    assert {"receive", "prepare", "recognise", "total"} <= transcript["processing"].keys()


def test_word_times_are_an_option(post: Any) -> None:
    for fields in (
        {"timestamps": "segment,word"},
        {"timestamps": ["segment", "word"]},
        {"timestamps[]": "word"},
    ):
        transcript = post(SHORT, transcription("one two"), fields=fields).json()
        assert [word["word"] for word in transcript["words"]] == ["one", "two"]


def test_a_recording_that_still_runs_is_text_piece_by_piece(post: Any) -> None:
    numbers = "one two three four five six seven eight nine ten eleven twelve"
    fields = {"pieceStart": "0", "nextPieceStart": "2", "cache": "false"}
    first = post(SHORT, transcription(numbers[:39]), fields=fields).json()["running"]
    assert (first["text"], first["open"]) == ("one two", "three four five six seven eight")
    fields = {"pieceStart": "2", "before": first["rest"], "cache": "false"}
    last = post(SHORT, transcription(numbers[19:]), fields=fields).json()["running"]
    assert (last["text"], last["open"]) == (numbers[8:], "")


@pytest.mark.parametrize(
    ("name", "value"),
    [("pieceStart", "soon"), ("nextPieceStart", "-1"), ("before", "[]"), ("before", '{"index":0}')],
    ids=["no number", "before the recording", "another JSON", "half of it"],
)
def test_a_piece_whose_place_is_unclear_is_refused(post: Any, name: str, value: str) -> None:
    answer = post(fields={name: value})
    assert (answer.status, answer.json()["error"]["code"]) == (422, "option_invalid")
    assert name in answer.json()["error"]["message"]


def test_options_reach_the_engine(post: Any, upstream: Upstream) -> None:
    fields = {"language": "Español", "prompt": "Escriba", "temperature": "0.2", "model": "whisper-large-v3"}
    assert post(fields=fields).status == 200
    for seen in upstream.requests:
        sent = dict(seen.form.fields)
        assert sent["language"] == "es"
        assert sent["prompt"] == "Escriba"
        assert sent["temperature"] == "0.2"
        assert sent["model"] == "whisper-large-v3"


def test_a_translation_goes_to_a_model_that_can_translate(post: Any, upstream: Upstream) -> None:
    answer = post(fields={"task": "translate"})
    assert answer.json()["model"] == "whisper-large-v3"
    assert answer.json()["warnings"]
    assert {seen.path for seen in upstream.requests} == {"/openai/v1/audio/translations"}


@pytest.mark.parametrize("name", sorted(GOOD))
def test_every_kind_of_recording_reaches_the_engine_under_a_name_it_takes(
    name: str, post: Any, upstream: Upstream
) -> None:
    answer = post(
        name, transcription("a tone")
    )  # alike for both: ffmpeg writes random ids into containers, so the audio is not
    assert answer.status == 200, answer.body
    silent = 6.0 if "late-sound" in name else 0.0  # a film whose sound begins late
    assert answer.json()["duration"] == pytest.approx(silent + 4.0, abs=0.2)
    assert all((seen.form.filename or "").startswith("audio.") for seen in upstream.requests)
    assert not any(seen.form.filename.endswith(".mp4") for seen in upstream.requests if seen.form.filename)


def test_the_name_and_the_content_type_of_a_file_have_no_effect(
    targets: Targets, media: Media, upstream: Upstream
) -> None:
    files = {"file": ("../../etc/passwd.txt", media("vorbis.ogg").read_bytes(), "text/plain")}
    assert targets("POST", "/transcribe", files=files).status == 200
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
def test_a_file_that_is_no_recording_is_refused_with_a_code_of_its_own(
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
    "an unknown language": (
        {"files": {"file": ("a", b"x")}, "data": {"language": "klingon"}},
        422,
        "language_unknown",
    ),
    "speakers": (
        {"files": {"file": ("a", b"x")}, "data": {"speakers": "2"}},
        422,
        "speakers_unavailable",
    ),
    "a temperature out of range": (
        {"files": {"file": ("a", b"x")}, "data": {"temperature": "2"}},
        422,
        "option_invalid",
    ),
    "an unknown task": (
        {"files": {"file": ("a", b"x")}, "data": {"task": "sing"}},
        422,
        "option_invalid",
    ),
    "an option twice": (
        {"files": {"file": ("a", b"x")}, "data": {"task": ["transcribe", "translate"]}},
        422,
        "option_invalid",
    ),
    "unknown timestamps": (
        {"files": {"file": ("a", b"x")}, "data": {"timestamps": "letter"}},
        422,
        "option_invalid",
    ),
    "an unknown model": (
        {"files": {"file": ("a", b"x")}, "data": {"model": "gpt"}},
        422,
        "option_invalid",
    ),
    "json": ({"json": {"language": "es"}}, 422, "file_missing"),
    "text": ({"content": b"x", "headers": {"Content-Type": "text/plain"}}, 415, "media_type_unsupported"),
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
def test_a_wrong_request_is_refused_by_name_in_both_languages(what: str, targets: Targets) -> None:
    arguments, status, code = REQUESTS[what]
    english = targets("POST", "/transcribe", **arguments)
    assert (english.status, english.code) == (status, code)
    headers = {**arguments.get("headers", {}), "Accept-Language": "es-AR"}
    spanish = targets("POST", "/transcribe", **{**arguments, "headers": headers})
    assert spanish.code == code
    assert spanish.json()["error"]["message"] != english.json()["error"]["message"]
    assert spanish.headers["content-language"] == "es"


def test_a_file_of_exactly_the_limit_is_not_too_large(targets: Targets) -> None:
    files = {"file": ("a.mp3", b"\0" * (3 * 1024 * 1024))}
    assert targets("POST", "/transcribe", files=files).code == "audio_unreadable"


ENGINE: dict[str, tuple[list[Reply], int, str]] = {
    "a wrong key": ([bad_key()], 502, "engine_key_invalid"),
    "a spent quota": ([rate_limited(retry_after=100)], 503, "engine_quota_spent"),
    "an error": ([broken(), broken(), broken()], 502, "engine_broken"),
    "a page of html": ([html(502), html(502), html(502)], 502, "engine_broken"),
    "half a body": ([Reply(send=0.5)] * 3, 502, "engine_broken"),
    "no audio in the file": ([not_media()], 415, "audio_unreadable"),
    "more audio than an hour's quota": ([over_quota()], 413, "audio_over_quota"),
}


@pytest.mark.parametrize("what", sorted(ENGINE))
def test_a_failure_of_the_engine_has_a_code_of_its_own(what: str, post: Any) -> None:
    replies, status, code = ENGINE[what]
    answer = post(SHORT, *replies)
    assert (answer.status, answer.code) == (status, code)
    assert KEY not in answer.body.decode()
    assert "org_" not in answer.body.decode()


def test_a_spent_quota_says_when_to_retry(post: Any) -> None:
    answer = post(SHORT, rate_limited(retry_after=100))
    assert answer.headers["retry-after"] == "100"
    assert answer.json()["error"]["retryAfter"] == 100


def test_a_short_failure_of_the_engine_is_hidden_by_a_retry(post: Any) -> None:
    # Both targets take their replies from one script: for each, a failure and then a transcript.
    assert post(SHORT, broken(503), transcription("after all")).json()["text"] == "after all"


def test_nothing_is_left_on_disk(targets: Targets, post: Any) -> None:
    post(SHORT)
    post("text.mp3")
    wait_until(lambda: files_below(targets.server.data_dir) == [])


@pytest.mark.parametrize("words", [200, 1_000, 4_000])
def test_a_long_prompt_is_cut_at_a_word_and_the_answer_says_so(
    words: int, post: Any, upstream: Upstream
) -> None:
    prompt = " ".join(f"palabra{number}" for number in range(words))
    answer = post(SHORT, transcription("hola"), fields={"prompt": prompt})
    assert answer.status == 200
    assert answer.json()["warnings"] == [warning_view(PROMPT_CUT, "en")]
    for request in upstream.requests:
        sent = request.form.value("prompt") or ""
        assert prompt.endswith(f" {sent}")
        assert 896 - len("palabra0000") <= len(sent) <= 896
