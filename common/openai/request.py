"""Form fields as OpenAI's SDKs send them → what is asked; what Whisper cannot do is refused, never ignored.

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

Format = Literal["json", "text", "srt", "verbose_json", "vtt"]
FORMATS: tuple[Format, ...] = get_args(Format)
GRANULARITIES: tuple[Granularity, ...] = get_args(Granularity)

_OURS = ("language", "prompt", "temperature")  # read as our own options of these names
_READ = ("model", "response_format", "timestamp_granularities", "stream")
# It says how other models cut a recording; here every recording is cut as the engine needs it.
_WITHOUT_EFFECT = ("chunking_strategy",)
# For answers that only OpenAI's other models, or Groq's servers, can give.
_UNSUPPORTED = ("include", "keywords", "known_speaker_names", "known_speaker_references", "languages", "url")
_TRANSLATION = ("model", "prompt", "response_format", "temperature")

# What OpenAPI shows of them.
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
    "chunking_strategy": {"description": "taken and without effect"},
}
TRANSLATION_FIELDS = {name: FIELDS[name] for name in _TRANSLATION}


@dataclass(frozen=True, slots=True)
class OpenAIRequest:
    """What is to be heard, and how the answer is to be written."""

    options: Options
    format: Format = "json"
    granularities: tuple[Granularity, ...] = ("segment",)
    stream: bool = False


def parse_request(fields: Iterable[tuple[str, str]], *, task: Task, server_model: str) -> OpenAIRequest:
    """Raises ModelUnknown, LanguageUnknown and OptionMissing, -Unknown, -Unsupported or -Invalid."""
    given = _gathered(fields, task)
    format_ = _format(_one(given, "response_format"))
    granularities = _granularities(given.get("timestamp_granularities", []), format_)
    options = parse_options((name, value) for name in _OURS for value in given.get(name, []))
    return OpenAIRequest(
        options=options.model_copy(
            update={
                "task": task,
                "model": _model(_one(given, "model"), server_model),
                "timestamps": _times(task, format_, granularities),
            }
        ),
        format=format_,
        granularities=granularities,
        stream=_stream(_one(given, "stream"), format_),
    )


def _gathered(fields: Iterable[tuple[str, str]], task: Task) -> Mapping[str, list[str]]:
    """Values by name; `name[]`, `name[0]` and `name[key]` are how forms spell lists and objects."""
    known = _TRANSLATION if task == "translate" else (*_OURS, *_READ, *_WITHOUT_EFFECT)
    given: dict[str, list[str]] = {}
    for spelled, value in fields:
        name = spelled.partition("[")[0]
        if name in _UNSUPPORTED and task == "transcribe":
            raise OptionUnsupported(option=name)
        if name not in known:
            raise OptionUnknown(option=name[:40], known=", ".join(("file", *known)))
        if value.strip():
            given.setdefault(name, []).append(value.strip())
    return given


def _one(given: Mapping[str, list[str]], name: str) -> str | None:
    values = given.get(name, [])
    if len(values) > 1:
        raise OptionInvalid(option=name, expected=ONE_VALUE)
    return values[0] if values else None


def _model(asked: str | None, server_model: str) -> str | None:
    if asked is None:
        raise OptionMissing(option="model")
    return model_of(asked, server_model).runs


def _format(asked: str | None) -> Format:
    for known in FORMATS:
        if asked in {known, None}:
            return known
    raise OptionInvalid(option="response_format", expected=", ".join(FORMATS))


def _granularities(asked: list[str], format_: Format) -> tuple[Granularity, ...]:
    """As OpenAI's server does, words without verbose_json are refused: no other format could show them."""
    if not set(asked) <= set(GRANULARITIES):
        raise OptionInvalid(option="timestamp_granularities", expected=", ".join(GRANULARITIES))
    if "word" in asked and format_ != "verbose_json":
        raise OptionInvalid(option="timestamp_granularities", expected="response_format=verbose_json")
    return tuple(known for known in GRANULARITIES if known in asked) or ("segment",)


def _times(task: Task, format_: Format, granularities: tuple[Granularity, ...]) -> tuple[Granularity, ...]:
    """What to ask of the engine: cues are cut at words, and a translation has none."""
    wants_words = "word" in granularities or format_ in {"srt", "vtt"}
    return ("segment", "word") if wants_words and task == "transcribe" else ("segment",)


def _stream(asked: str | None, format_: Format) -> bool:
    told = {"true": True, "1": True, "false": False, "0": False, None: False}
    stream = told.get(asked and asked.lower())
    if stream is None:
        raise OptionInvalid(option="stream", expected="true, false")
    if stream and format_ not in {"json", "text"}:
        raise OptionInvalid(option="response_format", expected="json, text (stream=true)")
    return stream
