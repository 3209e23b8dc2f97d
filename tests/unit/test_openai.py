"""OpenAI's parameters, answers and errors, without a server."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from common import errors
from common.models import Options, Segment, Transcript, Word
from common.openai.errors import error_body, refusal, status_of
from common.openai.models import model_of, models
from common.openai.request import FIELDS, TRANSLATION_FIELDS, OpenAIRequest, parse_request
from common.openai.response import ignored_header, write_response
from tests.unit.test_error_response import every_error

SERVER = "whisper-large-v3-turbo"


def parse(
    *fields: tuple[str, str], task: Any = "transcribe", model: str = "whisper-1", strict: bool = False
) -> OpenAIRequest:
    named = [("model", model), *fields]
    return parse_request(named, task=task, server_model=SERVER, strict_models=strict)


# ── parameters ────────────────────────────────────────────────────────────────────────────────────


def test_without_parameters_the_server_chooses() -> None:
    assert parse() == OpenAIRequest(Options(), "json", ("segment",), stream=False)


def test_a_model_that_the_request_names_runs() -> None:
    assert parse(model="whisper-large-v3").options.model == "whisper-large-v3"
    assert parse(model=SERVER).options.model == SERVER


def test_the_servers_own_model_may_be_named_whatever_it_is() -> None:
    assert model_of("distil-whisper", "distil-whisper").runs == "distil-whisper"
    assert [model.name for model in models("distil-whisper")][-1] == "distil-whisper"
    assert model_of("distil-whisper", "distil-whisper").view()["object"] == "model"


@pytest.mark.parametrize(
    ("fields", "granularities"),
    [
        ([("timestamp_granularities[]", "word")], ("word",)),
        ([("timestamp_granularities", "word"), ("timestamp_granularities", "segment")], ("segment", "word")),
        (
            [("timestamp_granularities[0]", "segment"), ("timestamp_granularities[1]", "word")],
            ("segment", "word"),
        ),
        ([("timestamp_granularities[]", "")], ("segment",)),
        ([("timestamp_granularities", "word,segment")], ("segment", "word")),
        ([("timestamp_granularities[]", "word, segment")], ("segment", "word")),
        ([("timestamp_granularities", '["word"]')], ("word",)),
        ([("timestamp_granularities[]", '["word", "segment"]')], ("segment", "word")),
        ([("timestamp_granularities", "[]")], ("segment",)),
        ([("timestamp_granularities", "null")], ("segment",)),
        ([("timestamp_granularities", "['word']")], ("word",)),
    ],
)
def test_a_list_may_have_every_spelling_that_forms_use(
    fields: list[tuple[str, str]], granularities: tuple[str, ...]
) -> None:
    assert parse(("response_format", "verbose_json"), *fields).granularities == granularities


def test_the_engine_is_asked_for_word_times_where_the_response_needs_them() -> None:
    word = ("timestamp_granularities[]", "word")
    assert parse(("response_format", "verbose_json"), word).options.timestamps == ("segment", "word")
    assert parse(("response_format", "srt")).options.timestamps == ("segment", "word")
    assert parse(("response_format", "text")).options.timestamps == ("segment",)
    assert parse(("response_format", "vtt"), task="translate").options.timestamps == ("segment",)


@pytest.mark.parametrize(
    ("value", "temperature"),
    [("0.2", 0.2), ("[0.0, 0.2, 0.4]", 0.0), ("0.4,0.6", 0.4), ("[1]", 1.0), ("null", None), ("", None)],
)
def test_a_temperature_may_be_a_list_as_whispers_own_programs_take(
    value: str, temperature: float | None
) -> None:
    assert parse(("temperature", value)).options.temperature == temperature
    assert parse(("temperature[]", value)).options.temperature == temperature


def test_of_repeated_temperatures_the_first_counts() -> None:
    assert parse(("temperature[]", "0.3"), ("temperature[]", "0.5")).options.temperature == 0.3


@pytest.mark.parametrize("value", ["", " ", "null", "None", "undefined", "[]"])
@pytest.mark.parametrize("name", [*FIELDS, "user", "include[]", "url"])
def test_a_value_that_means_not_set_is_not_set(name: str, value: str) -> None:
    assert parse((name, value)) == parse()


def test_the_same_value_twice_is_one_value() -> None:
    assert parse(("prompt", "Marianne"), ("prompt", "Marianne")).options.prompt == "Marianne"
    with pytest.raises(errors.OptionInvalid):
        parse(("prompt", "Marianne"), ("prompt", "Elinor"))


@pytest.mark.parametrize(
    ("fields", "names"),
    [
        ([("vad_filter", "true"), ("user", "ana")], ("vad_filter", "user")),
        (
            [("chunking_strategy[type]", "server_vad"), ("chunking_strategy[threshold]", "0.5")],
            ("chunking_strategy",),
        ),
        ([("hotwords", "x"), ("beam_size", "5"), ("keywords[]", "x")], ("hotwords", "beam_size", "keywords")),
        ([("diarize", "false"), ("logprobs", "0")], ("diarize", "logprobs")),
    ],
)
def test_other_fields_are_ignored_and_named(fields: list[tuple[str, str]], names: tuple[str, ...]) -> None:
    request = parse(*fields)
    assert request == replace(parse(), ignored=names)


def test_the_header_of_ignored_fields_holds_nothing_that_could_forge_a_header() -> None:
    assert ignored_header(["vad_filter", "user"]) == {"X-Escriba-Ignored": "vad_filter, user"}
    assert ignored_header([]) == {}
    (value,) = ignored_header(["a\r\nSet-Cookie: b", "ñ" * 5000, *map(str, range(99))]).values()
    assert value.startswith("a??Set-Cookie??b, ?????")
    assert len(value) < 200


@pytest.mark.parametrize(
    ("field", "error"),
    [
        (("include[]", "logprobs"), errors.OptionUnsupported),
        (("diarize", "true"), errors.OptionUnsupported),
        (("logprobs", "true"), errors.OptionUnsupported),
        (("known_speaker_references[]", "data:audio/wav;base64,AA"), errors.OptionUnsupported),
        (("response_format", "JSON"), errors.OptionInvalid),
        (("stream", "maybe"), errors.OptionInvalid),
        (("timestamp_granularities[]", "letter"), errors.OptionInvalid),
        (("timestamp_granularities[]", "word"), errors.OptionInvalid),
        (("model", "whisper-large-v3"), errors.OptionInvalid),
        (("temperature", "-0.1"), errors.OptionInvalid),
        (("language", "xx"), errors.LanguageUnknown),
    ],
)
def test_a_parameter_that_cannot_work_is_refused_and_named(
    field: tuple[str, str], error: type[errors.EscribaError]
) -> None:
    with pytest.raises(error) as caught:
        parse(field)
    assert len(str(caught.value)) < 200


def test_only_text_can_be_streamed() -> None:
    assert parse(("stream", "True"), ("response_format", "text")).stream
    assert not parse(("stream", "false")).stream
    with pytest.raises(errors.OptionInvalid):
        parse(("stream", "true"), ("response_format", "srt"))


@pytest.mark.parametrize("name", ["language", "stream", "timestamp_granularities[]"])
def test_a_translation_reads_fewer_parameters(name: str) -> None:
    request = parse((name, "true"), task="translate")
    assert request == replace(parse(task="translate"), ignored=(name.removesuffix("[]"),))


UNKNOWN_MODELS = (
    "gpt-4o-transcribe",
    "distil-whisper-large-v3-en",
    "Systran/faster-whisper-large-v3",
    "",
    "x" * 5000,
)


@pytest.mark.parametrize("name", UNKNOWN_MODELS)
@pytest.mark.parametrize("task", ["transcribe", "translate"])
def test_the_servers_model_runs_for_a_name_that_it_does_not_know(name: str, task: str) -> None:
    assert parse(model=name, task=task) == parse(task=task)


@pytest.mark.parametrize("name", UNKNOWN_MODELS)
def test_strict_models_refuses_a_name_that_the_server_does_not_know(name: str) -> None:
    with pytest.raises((errors.ModelUnknown, errors.OptionMissing)) as caught:
        parse(model=name, strict=True)
    assert len(str(caught.value)) < 200
    assert parse(model="whisper-large-v3", strict=True).options.model == "whisper-large-v3"


def test_every_parameter_in_openapi_is_accepted() -> None:
    values = {"response_format": "verbose_json", "timestamp_granularities[]": "word", "stream": "false"}
    values |= {"temperature": "0", "language": "es", "model": "whisper-1", "cache": "false", "speakers": "2"}
    fields = [(name, values.get(name, "auto")) for name in FIELDS]
    assert parse_request(fields, task="transcribe", server_model=SERVER).options.language == "es"
    fields = [(name, values.get(name, "x")) for name in TRANSLATION_FIELDS]
    assert parse_request(fields, task="translate", server_model=SERVER).options.task == "translate"


# ── responses ───────────────────────────────────────────────────────────────────────────────────────


def verbose(transcript: Transcript, **changes: Any) -> Any:
    body, kind = write_response(
        transcript,
        OpenAIRequest(Options(temperature=0.4), "verbose_json", **changes),
        request_id="r-1",
        language="es",
    )
    assert kind == "application/json"
    return json.loads(body)


def test_a_field_that_the_engine_did_not_send_still_has_the_type_that_sdks_need() -> None:
    bare = Transcript(
        text="la la la la", duration=4.0, segments=(Segment(id=0, start=0.5, end=4.0, text=" la la la la"),)
    )
    fields = verbose(bare)
    assert fields["language"] == ""
    segment = fields["segments"][0]
    assert segment["temperature"] == 0.4
    assert segment["seek"] == 50
    assert (segment["avg_logprob"], segment["no_speech_prob"], segment["tokens"]) == (0.0, 0.0, [])
    assert segment["compression_ratio"] == pytest.approx(12 / 14, abs=0.2)


def test_a_transcript_without_words_has_an_empty_list() -> None:
    fields = verbose(Transcript(text="", duration=1.0), granularities=("word",))
    assert fields["words"] == []
    assert "segments" not in fields


@pytest.mark.parametrize("format_", ["json", "verbose_json"])
def test_json_has_the_id_that_groqs_clients_need(format_: Any) -> None:
    ran = Transcript(text="", duration=1.0, model="whisper-large-v3")
    fields = json.loads(
        write_response(ran, OpenAIRequest(Options(), format_), request_id="r-1", language="en")[0]
    )
    assert fields["x_groq"] == {"id": "r-1"}
    assert fields.get("model") == ("whisper-large-v3" if format_ == "verbose_json" else None)


def test_words_have_no_spaces_around_them() -> None:
    timed = Transcript(text="hola", duration=1.0, words=(Word(word=" hola", start=0.12345, end=0.5),))
    assert verbose(timed, granularities=("word",))["words"] == [{"word": "hola", "start": 0.123, "end": 0.5}]


def test_a_translation_is_english_and_has_no_usage() -> None:
    body, _ = write_response(
        Transcript(text="hi", language="es", duration=1.0),
        OpenAIRequest(Options(task="translate"), "verbose_json"),
        request_id="r-1",
        language="en",
    )
    fields = json.loads(body)
    assert (fields["language"], fields["task"]) == ("english", "translate")
    assert "usage" not in fields


# ── errors ────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("error", every_error(), ids=lambda error: error.code)
def test_every_error_has_openais_shape_and_a_status_that_sdks_know(error: type[errors.EscribaError]) -> None:
    status, headers, body = refusal(error(retry_after=90), accept_language="es", request_id="r-1")
    fields = json.loads(body)["error"]
    assert set(fields) == {"message", "type", "param", "code"}
    assert status != 422
    assert fields["type"] == _type_of(status)
    sent = dict(headers)
    assert sent[b"retry-after"] == b"90"
    assert sent[b"x-should-retry"] == b"false"
    assert sent[b"x-request-id"] == b"r-1"
    assert sent[b"content-language"] == b"es"
    assert int(sent[b"content-length"]) == len(body)


def _type_of(status: int) -> str:
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
    sent, _, body = refusal(error, accept_language="", request_id="r")
    fields = json.loads(body)["error"]
    assert (sent, fields["param"], fields["code"]) == (status, param, code)


def test_the_hint_is_part_of_the_message() -> None:
    body: Any = error_body(errors.ModelUnknown(model="x", known="y, z"), accept_language="")
    assert body["error"]["message"] == "The model 'x' does not exist. The models are: y, z."


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
def test_sdks_send_again_only_what_may_succeed_then(error: Any, again: bytes) -> None:
    assert dict(refusal(error, accept_language="", request_id="r")[1])[b"x-should-retry"] == again


def test_the_errors_of_the_upload_guard_keep_their_status() -> None:
    """The guard lets a response pass only if it has the status of the error that the body failed with."""
    for error in (errors.UploadTooLarge, errors.UploadTooSlow, errors.EncodingUnsupported, errors.Busy):
        assert status_of(error()) == error.status
