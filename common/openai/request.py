"""Form fields as OpenAI's SDKs send them → OpenAIRequest; what Whisper cannot do is refused, never ignored.

The parameters: https://platform.openai.com/docs/api-reference/audio/createTranscription
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from common.errors import ONE_VALUE, OptionInvalid, OptionMissing, OptionUnknown, OptionUnsupported
from common.http.options import parse_options
from common.models import Granularity, Options, Task
from common.openai.models import model_of
from common.transcription.pipeline import with_word_times

Format = Literal["json", "text", "srt", "verbose_json", "vtt"]
FORMATS: tuple[Format, ...] = get_args(Format)
GRANULARITIES: tuple[Granularity, ...] = get_args(Granularity)

_OURS = ("language", "prompt", "temperature")  # read as our own options of these names
_READ = ("model", "response_format", "timestamp_granularities", "stream")
# For models that let the client choose how a recording is cut; here the engine decides.
_WITHOUT_EFFECT = ("chunking_strategy",)
# For what only OpenAI's other models or Groq's own servers can do.
_UNSUPPORTED = ("include", "keywords", "known_speaker_names", "known_speaker_references", "languages", "url")
_TRANSLATION = ("model", "prompt", "response_format", "temperature")

# What OpenAPI shows of the parameters.
FIELDS: dict[str, dict[str, object]] = {
    "model": {"type": "string", "example": "whisper-1", "description": "one of GET /v1/models"},
    "prompt": {"type": "string", "description": "context or spellings, up to 896 bytes"},
    "response_format": {"type": "string", "enum": list(FORMATS), "default": "json"},
    "temperature": {"type": "number", "minimum": 0, "maximum": 1},
    "language": {"type": "string", "description": "a code such as es; detected when absent", "example": "es"},
    "timestamp_granularities[]": {
        "type": "array",
        "items": {"type": "string", "enum": list(GRANULARITIES)},
        "description": "of verbose_json; segment when absent",
    },
    "stream": {"type": "boolean", "default": False, "description": "the text as server-sent events"},
    "chunking_strategy": {"description": "accepted, without effect"},
}
TRANSLATION_FIELDS = {name: FIELDS[name] for name in _TRANSLATION}


@dataclass(frozen=True, slots=True)
class OpenAIRequest:
    """How to transcribe, and how to write the response."""

    options: Options
    format: Format = "json"
    granularities: tuple[Granularity, ...] = ("segment",)
    stream: bool = False


def parse_request(fields: Iterable[tuple[str, str]], *, task: Task, server_model: str) -> OpenAIRequest:
    """Raises ModelUnknown, LanguageUnknown and OptionMissing, -Unknown, -Unsupported or -Invalid."""
    values = _group(fields, task)
    format_ = _format(_single(values, "response_format"))
    granularities = _granularities(values.get("timestamp_granularities", []), format_)
    options = parse_options((name, value) for name in _OURS for value in values.get(name, []))
    model = _model(_single(values, "model"), server_model)
    options = options.model_copy(update={"task": task, "model": model})
    # Subtitles are cut at words.
    needs_words = "word" in granularities or format_ in {"srt", "vtt"}
    return OpenAIRequest(
        options=with_word_times(options) if needs_words else options,
        format=format_,
        granularities=granularities,
        stream=_stream(_single(values, "stream"), format_),
    )


def _group(fields: Iterable[tuple[str, str]], task: Task) -> Mapping[str, list[str]]:
    """Values by name; `name[]`, `name[0]` and `name[key]` are how forms spell lists and objects."""
    known = _TRANSLATION if task == "translate" else (*_OURS, *_READ, *_WITHOUT_EFFECT)
    values: dict[str, list[str]] = {}
    for spelling, value in fields:
        name = spelling.partition("[")[0]
        if name in _UNSUPPORTED and task == "transcribe":
            raise OptionUnsupported(option=name)
        if name not in known:
            raise OptionUnknown(option=name[:40], known=", ".join(("file", *known)))
        if value.strip():
            values.setdefault(name, []).append(value.strip())
    return values


def _single(values: Mapping[str, list[str]], name: str) -> str | None:
    texts = values.get(name, [])
    if len(texts) > 1:
        raise OptionInvalid(option=name, expected=ONE_VALUE)
    return texts[0] if texts else None


def _model(name: str | None, server_model: str) -> str | None:
    if name is None:
        raise OptionMissing(option="model")
    return model_of(name, server_model).runs


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
