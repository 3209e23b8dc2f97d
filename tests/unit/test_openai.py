"""OpenAI's parameters, answers and errors, without a server."""

from __future__ import annotations

import json
from typing import Any

import pytest

from common import errors
from common.models import Options, Segment, Transcript, Word
from common.openai.errors import error_body, refusal, status_of
from common.openai.models import model_of, models
from common.openai.request import FIELDS, TRANSLATION_FIELDS, OpenAIRequest, parse_request
from common.openai.response import answer_of
from tests.unit.test_error_response import every_error

SERVER = "whisper-large-v3-turbo"


def ask(*fields: tuple[str, str], task: Any = "transcribe", model: str = "whisper-1") -> OpenAIRequest:
    return parse_request([("model", model), *fields], task=task, server_model=SERVER)


# ── parameters ────────────────────────────────────────────────────────────────────────────────────


def test_without_parameters_the_server_chooses() -> None:
    assert ask() == OpenAIRequest(Options(), "json", ("segment",), stream=False)


def test_a_model_by_its_own_name_is_the_one_that_runs() -> None:
    assert ask(model="whisper-large-v3").options.model == "whisper-large-v3"
    assert ask(model=SERVER).options.model == SERVER


def test_the_server_s_own_model_may_be_asked_for_whatever_it_is() -> None:
    assert model_of("distil-whisper", "distil-whisper").runs == "distil-whisper"
    assert [model.name for model in models("distil-whisper")][-1] == "distil-whisper"
    assert model_of("distil-whisper", "distil-whisper").view()["object"] == "model"


@pytest.mark.parametrize(
    ("spelled", "wanted"),
    [
        ([("timestamp_granularities[]", "word")], ("word",)),
        ([("timestamp_granularities", "word"), ("timestamp_granularities", "segment")], ("segment", "word")),
        (
            [("timestamp_granularities[0]", "segment"), ("timestamp_granularities[1]", "word")],
            ("segment", "word"),
        ),
        ([("timestamp_granularities[]", "")], ("segment",)),
    ],
)
def test_lists_may_be_spelled_in_every_way_that_forms_know(
    spelled: list[tuple[str, str]], wanted: tuple[str, ...]
) -> None:
    assert ask(("response_format", "verbose_json"), *spelled).granularities == wanted


def test_words_are_asked_of_the_engine_where_the_answer_needs_them() -> None:
    word = ("timestamp_granularities[]", "word")
    assert ask(("response_format", "verbose_json"), word).options.timestamps == ("segment", "word")
    assert ask(("response_format", "srt")).options.timestamps == ("segment", "word")
    assert ask(("response_format", "text")).options.timestamps == ("segment",)
    assert ask(("response_format", "vtt"), task="translate").options.timestamps == ("segment",)


def test_chunking_changes_nothing_here() -> None:
    assert ask(("chunking_strategy", "auto")) == ask()
    assert ask(("chunking_strategy[type]", "server_vad"), ("chunking_strategy[threshold]", "0.5")) == ask()


@pytest.mark.parametrize(
    ("field", "error"),
    [
        (("include[]", "logprobs"), errors.OptionUnsupported),
        (("keywords[]", "Escriba"), errors.OptionUnsupported),
        (("known_speaker_references[]", "data:audio/wav;base64,AA"), errors.OptionUnsupported),
        (("languages[]", "es"), errors.OptionUnsupported),
        (("url", "https://example.com/a.mp3"), errors.OptionUnsupported),
        (("vad_filter", "true"), errors.OptionUnknown),
        (("x" * 5000, "true"), errors.OptionUnknown),
        (("response_format", "diarized_json"), errors.OptionInvalid),
        (("response_format", "JSON"), errors.OptionInvalid),
        (("stream", "maybe"), errors.OptionInvalid),
        (("timestamp_granularities[]", "letter"), errors.OptionInvalid),
        (("timestamp_granularities[]", "word"), errors.OptionInvalid),
        (("model", "whisper-large-v3"), errors.OptionInvalid),
        (("temperature", "-0.1"), errors.OptionInvalid),
        (("language", "xx"), errors.LanguageUnknown),
    ],
)
def test_what_cannot_be_done_is_refused_by_name(
    field: tuple[str, str], error: type[errors.EscribaError]
) -> None:
    with pytest.raises(error) as caught:
        ask(field)
    assert len(str(caught.value)) < 200


def test_only_text_can_be_streamed() -> None:
    assert ask(("stream", "True"), ("response_format", "text")).stream
    assert not ask(("stream", "false")).stream
    with pytest.raises(errors.OptionInvalid):
        ask(("stream", "true"), ("response_format", "srt"))


@pytest.mark.parametrize("name", ["language", "stream", "timestamp_granularities[]", "include[]", "url"])
def test_a_translation_knows_fewer_parameters(name: str) -> None:
    with pytest.raises(errors.OptionUnknown):
        ask((name, "true"), task="translate")


def test_a_model_must_be_named_and_exist() -> None:
    with pytest.raises(errors.OptionMissing):
        ask(model=" ")
    with pytest.raises(errors.ModelUnknown, match="gpt-4o-transcribe"):
        ask(model="gpt-4o-transcribe")


def test_every_parameter_that_is_shown_is_taken() -> None:
    values = {"response_format": "verbose_json", "timestamp_granularities[]": "word", "stream": "false"}
    values |= {"temperature": "0", "language": "es", "model": "whisper-1"}
    told = [(name, values.get(name, "auto")) for name in FIELDS]
    assert parse_request(told, task="transcribe", server_model=SERVER).options.language == "es"
    some = [(name, values.get(name, "x")) for name in TRANSLATION_FIELDS]
    assert parse_request(some, task="translate", server_model=SERVER).options.task == "translate"


# ── answers ───────────────────────────────────────────────────────────────────────────────────────


def verbose(transcript: Transcript, **how: Any) -> Any:
    body, kind = answer_of(transcript, OpenAIRequest(Options(temperature=0.4), "verbose_json", **how))
    assert kind == "application/json"
    return json.loads(body)


def test_what_an_engine_did_not_tell_still_has_the_type_that_sdks_read() -> None:
    bare = Transcript(
        text="la la la la", duration=4.0, segments=(Segment(id=0, start=0.5, end=4.0, text=" la la la la"),)
    )
    told = verbose(bare)
    assert told["language"] == ""
    segment = told["segments"][0]
    assert segment["temperature"] == 0.4
    assert segment["seek"] == 50
    assert (segment["avg_logprob"], segment["no_speech_prob"], segment["tokens"]) == (0.0, 0.0, [])
    assert segment["compression_ratio"] == pytest.approx(12 / 14, abs=0.2)


def test_words_without_any_are_an_empty_list() -> None:
    told = verbose(Transcript(text="", duration=1.0), granularities=("word",))
    assert told["words"] == []
    assert "segments" not in told


def test_words_come_without_the_engine_s_spaces() -> None:
    timed = Transcript(text="hola", duration=1.0, words=(Word(word=" hola", start=0.12345, end=0.5),))
    assert verbose(timed, granularities=("word",))["words"] == [{"word": "hola", "start": 0.123, "end": 0.5}]


def test_a_translation_is_english_and_tells_no_usage() -> None:
    body, _ = answer_of(
        Transcript(text="hi", language="es", duration=1.0),
        OpenAIRequest(Options(task="translate"), "verbose_json"),
    )
    told = json.loads(body)
    assert (told["language"], told["task"]) == ("english", "translate")
    assert "usage" not in told


# ── errors ────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("error", every_error(), ids=lambda error: error.code)
def test_every_error_has_openais_shape_and_a_status_that_sdks_know(error: type[errors.EscribaError]) -> None:
    status, headers, body = refusal(error(retry_after=90), accept_language="es", request_id="r-1")
    told = json.loads(body)["error"]
    assert set(told) == {"message", "type", "param", "code"}
    assert status != 422
    assert told["type"] == _kind(status)
    sent = dict(headers)
    assert sent[b"retry-after"] == b"90"
    assert sent[b"x-should-retry"] == b"false"
    assert sent[b"x-request-id"] == b"r-1"
    assert sent[b"content-language"] == b"es"
    assert int(sent[b"content-length"]) == len(body)


def _kind(status: int) -> str:
    if status >= 500:
        return "server_error"
    return "rate_limit_error" if status == 429 else "invalid_request_error"


@pytest.mark.parametrize(
    ("error", "status", "param", "code"),
    [
        (errors.RetryLater(100), 429, None, "rate_limit_exceeded"),
        (errors.EngineKeyInvalid(), 401, None, "invalid_api_key"),
        (errors.OptionInvalid(option="stream", expected="…"), 400, "stream", "option_invalid"),
        (errors.ModelUnknown(model="x", known="y"), 404, "model", "model_not_found"),
        (errors.LanguageUnknown(language="x"), 400, "language", "language_unknown"),
        (errors.AudioUnreadable(), 400, "file", "audio_unreadable"),
        (errors.AudioTooShort(minimum=0.01), 400, "file", "audio_too_short"),
        (errors.UploadTooLarge(limit_mb=200), 413, "file", "upload_too_large"),
        (errors.UploadTooSlow(), 408, None, "upload_too_slow"),
        (errors.MediaTypeUnsupported(), 415, None, "media_type_unsupported"),
        (errors.EngineMissing(), 503, None, "engine_missing"),
        (errors.Busy(retry_after=5), 503, None, "busy"),
        (errors.EscribaError(), 500, None, "internal_error"),
    ],
)
def test_statuses_parameters_and_codes(error: Any, status: int, param: str | None, code: str) -> None:
    told, _, body = refusal(error, accept_language="", request_id="r")
    found = json.loads(body)["error"]
    assert (told, found["param"], found["code"]) == (status, param, code)


def test_what_to_do_is_part_of_the_message() -> None:
    told: Any = error_body(errors.ModelUnknown(model="x", known="y, z"), accept_language="")
    assert told["error"]["message"] == "The model 'x' does not exist. The models are: y, z."


@pytest.mark.parametrize(
    ("error", "again"),
    [
        (errors.RetryLater(5), b"true"),
        (errors.RetryLater(61), b"false"),
        (errors.EngineBroken(), b"true"),
        (errors.EngineRefused(reason="x"), b"false"),
        (errors.UploadTooSlow(), b"true"),
    ],
)
def test_sdks_send_again_only_what_may_come_to_another_end(error: Any, again: bytes) -> None:
    assert dict(refusal(error, accept_language="", request_id="r")[1])[b"x-should-retry"] == again


def test_a_status_that_the_guard_must_recognise_stays_as_it_is() -> None:
    """A body that fails on its way is refused with this very status, or the guard answers itself."""
    for error in (errors.UploadTooLarge, errors.UploadTooSlow, errors.EncodingUnsupported, errors.Busy):
        assert status_of(error()) == error.status
