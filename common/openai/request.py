"""Form fields as clients of OpenAI's API send them → OpenAIRequest.

Fields without meaning here are ignored and named; what would change the answer and cannot be had is refused.

The parameters: https://platform.openai.com/docs/api-reference/audio/createTranscription
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from common.errors import ONE_VALUE, ModelUnknown, OptionInvalid, OptionMissing, OptionUnsupported
from common.http.options import LANGUAGE, SPEAKERS, parse_options
from common.models import Granularity, Options, Task
from common.openai.form import group_fields, list_items
from common.openai.models import ALIAS, model_of
from common.transcription.option_rules import with_word_times

Format = Literal["json", "text", "srt", "verbose_json", "vtt", "diarized_json"]
FORMATS: tuple[Format, ...] = get_args(Format)
GRANULARITIES: tuple[Granularity, ...] = get_args(Granularity)

_OURS = ("language", "prompt", "temperature", "speakers", "cache")  # read as our own options of these names
_READ = ("model", "response_format", "timestamp_granularities", "stream")
# For what only other models can do: a program that gets no speakers fails later.
_UNSUPPORTED = frozenset(
    {"diarization", "diarize", "include", "known_speaker_names", "known_speaker_references", "logprobs"}
    | {"speaker_labels", "top_logprobs"}
)
_NO = frozenset({"false", "0", "no", "off", "none"})  # not even asked for
_TRANSLATION = ("model", "prompt", "response_format", "temperature", "cache")

# What OpenAPI shows of the parameters.
FIELDS: dict[str, dict[str, object]] = {
    "model": {
        "type": "string",
        "description": "whisper-1 or another of GET /v1/models; any other name, or none, is the server's",
    },
    "prompt": {"type": "string", "description": "context or spellings; the last 896 bytes count"},
    "response_format": {"type": "string", "enum": list(FORMATS), "default": "json"},
    "temperature": {"type": "number", "minimum": 0, "maximum": 1},
    "language": LANGUAGE,
    "timestamp_granularities[]": {
        "type": ["array", "string"],
        "items": {"type": ["string", "null"], "enum": [*GRANULARITIES, "", None]},
        "pattern": "^(segment|word|segment,word)?$",
        "description": "of verbose_json; segment when absent",
    },
    "speakers": {
        **SPEAKERS,
        "description": "who says what: true, or how many (2, 2-5); true where diarized_json is wanted; ours",
    },
    "stream": {"type": "boolean", "default": False, "description": "the text as server-sent events"},
    "cache": {"type": "boolean", "default": True, "description": "false: no kept text, and none kept; ours"},
}
TRANSLATION_FIELDS = {name: FIELDS[name] for name in _TRANSLATION}


@dataclass(frozen=True, slots=True)
class OpenAIRequest:
    """How to transcribe, and how to write the response; `ignored` names the fields that changed nothing."""

    options: Options
    format: Format = "json"
    granularities: tuple[Granularity, ...] = ("segment",)
    stream: bool = False
    ignored: tuple[str, ...] = ()


def is_unread(task: Task, name: str) -> bool:
    """Whether a field changes nothing for a request, whatever its value."""
    known = _TRANSLATION if task == "translate" else (*_OURS, *_READ)
    return name.partition("[")[0].strip() not in (*known, "url")


def with_model_of_address(
    fields: tuple[tuple[str, str], ...], deployment: str | None
) -> tuple[tuple[str, str], ...]:
    """The form's fields; where it names no model, Azure's clients name it in the address."""
    if deployment is None or any(name == "model" and value.strip() for name, value in fields):
        return fields
    return (*fields, ("model", deployment))


def parse_request(
    fields: Iterable[tuple[str, str]], *, task: Task, server_model: str, strict_models: bool = False
) -> OpenAIRequest:
    """Raises LanguageUnknown, OptionUnsupported, OptionInvalid; if strict, ModelUnknown or OptionMissing."""
    values, ignored = _split(group_fields(fields), task)
    format_ = _format(_single(values, "response_format"))
    granularities = _granularities(list_items(values.get("timestamp_granularities", [])), format_)
    options = parse_options((name, value) for name in _OURS for value in values.get(name, []))
    model = _model(_single(values, "model"), server_model, is_strict=strict_models)
    speakers = options.speakers or ("true" if format_ == "diarized_json" else None)
    options = options.model_copy(update={"task": task, "model": model, "speakers": speakers})
    # Subtitles are cut at words.
    needs_words = "word" in granularities or format_ in {"srt", "vtt"}
    stream = _stream(_single(values, "stream"), format_)
    if stream and speakers:  # who speaks is known only once all voices have been heard
        raise OptionInvalid(option="speakers", expected="false (stream=true)")
    return OpenAIRequest(
        options=with_word_times(options) if needs_words else options,
        format=format_,
        granularities=granularities,
        stream=stream,
        ignored=ignored,
    )


def _split(values: dict[str, list[str]], task: Task) -> tuple[dict[str, list[str]], tuple[str, ...]]:
    """The values that are read, and the names of the other fields. Raises OptionUnsupported."""
    for name in _UNSUPPORTED & values.keys():
        if not _NO.issuperset(value.lower() for value in values[name]):
            raise OptionUnsupported(option=name)
    known = _TRANSLATION if task == "translate" else (*_OURS, *_READ)
    read = {name: values[name] for name in known if name in values}
    if "temperature" in read:
        read["temperature"] = _first_temperature(list_items(read["temperature"]))
    return read, tuple(name for name in values if name not in known)


def _first_temperature(values: list[str]) -> list[str]:
    """Whisper's own programs take the further values after a failure; so does the engine."""
    for value in values:
        parse_options([("temperature", value)])
    return values[:1]


def _single(values: Mapping[str, list[str]], name: str) -> str | None:
    texts = values.get(name, [])
    if len(texts) > 1:
        raise OptionInvalid(option=name, expected=ONE_VALUE)
    return texts[0] if texts else None


def _model(name: str | None, server_model: str, *, is_strict: bool) -> str | None:
    """The model to run; None is the server's, which also stands in for models that it does not have."""
    if is_strict and name is None:
        raise OptionMissing(option="model")
    try:
        return model_of(name or ALIAS, server_model).runs
    except ModelUnknown:
        if is_strict:
            raise
        return None


def _format(value: str | None) -> Format:
    for known in FORMATS:
        if value in {known, None}:
            return known
    raise OptionInvalid(option="response_format", expected=", ".join(FORMATS))


def _granularities(names: list[str], format_: Format) -> tuple[Granularity, ...]:
    """Like OpenAI's server, refuse words without verbose_json: no other format could show them."""
    if not set(names) <= set(GRANULARITIES):
        raise OptionInvalid(option="timestamp_granularities", expected=", ".join(GRANULARITIES))
    if "word" in names and format_ != "verbose_json":
        raise OptionInvalid(option="timestamp_granularities", expected="response_format=verbose_json")
    return tuple(known for known in GRANULARITIES if known in names) or ("segment",)


def _stream(value: str | None, format_: Format) -> bool:
    meanings = {"true": True, "1": True, "false": False, "0": False, None: False}
    stream = meanings.get(value and value.lower())
    if stream is None:
        raise OptionInvalid(option="stream", expected="true, false")
    if stream and format_ not in {"json", "text"}:
        raise OptionInvalid(option="response_format", expected="json, text (stream=true)")
    return stream
