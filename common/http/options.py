"""Form fields → Options: every mistake has an error that names it; nothing is guessed or ignored."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from common.audio.raw import FORMATS as RAW_FORMATS
from common.audio.raw import parse_raw_format
from common.errors import ONE_VALUE, LanguageUnknown, OptionInvalid, OptionUnknown, Sentence
from common.groq.request import fit_prompt
from common.models import Granularity, Options, Task
from common.speakers.range import MOST, parse_range
from common.text.languages import codes_in, is_unspecified

Fields = Iterable[tuple[str, str]]

MAX_TRACK = 999

LANGUAGE: dict[str, Any] = {
    "type": "string",
    "format": "language",
    "description": "a code such as es, a tag (es-MX) or a name; several (es,en) limit the detection; "
    "detected when absent",
}

SPEAKERS: dict[str, Any] = {
    "type": ["string", "integer", "boolean"],
    "pattern": "^(true|false|[1-9]|1[0-9]|20|[1-4]-([5-9]|1[0-9]|20))?$",
    "minimum": 1,
    "maximum": MOST,
    "description": "who says what: true, or how many speak (2, 2-5); each segment gets a label",
}

# What OpenAPI shows of the options, for every endpoint that takes them.
FORM_FIELDS: dict[str, dict[str, Any]] = {
    "language": LANGUAGE,
    "prompt": {"type": "string", "description": "context or spellings; the last 896 bytes count"},
    "temperature": {"type": "number", "minimum": 0, "maximum": 1},
    "timestamps": {"type": "string", "enum": ["segment", "word", "segment,word"], "default": "segment"},
    "task": {"type": "string", "enum": ["transcribe", "translate"], "default": "transcribe"},
    "model": {"type": "string", "enum": ["whisper-large-v3-turbo", "whisper-large-v3"]},
    "track": {
        "type": "integer",
        "minimum": 1,
        "maximum": MAX_TRACK,
        "description": "the audio track of a file with several; chosen by the server when absent",
    },
    "tracks": {"type": "string", "enum": ["mix"], "description": "mix all audio tracks of the file"},
    "inputFormat": {
        "type": "string",
        "pattern": rf"^({'|'.join(RAW_FORMATS)}|(mulaw|alaw|s16le);rate=(8|16|32|48)000(;channels=[12])?)?$",
        "description": "for files without a header, such as mulaw;rate=8000: "
        + ", ".join(RAW_FORMATS)
        + "; rate (8000), channels (1)",
    },
    "speakers": SPEAKERS,
    "guard": {
        "type": "boolean",
        "default": True,
        "description": "remove text that nobody said; it stays readable in `suppressed`",
    },
    "cache": {
        "type": "boolean",
        "default": True,
        "description": "answer with the text of an equal recording if one is kept, and keep this one's",
    },
}

# In JSON it may be a list.
LANGUAGES: dict[str, Any] = {
    **LANGUAGE,
    "type": ["string", "array"],
    "items": {**LANGUAGE, "type": ["string", "null"]},
}
JSON_FIELDS: dict[str, dict[str, Any]] = {
    **FORM_FIELDS,
    "language": LANGUAGES,
    "timestamps": {
        "type": ["string", "array"],
        "pattern": "^(segment|word|segment,word)?$",
        "items": {"type": ["string", "null"], "enum": ["segment", "word", "", None]},
        "description": "segment, word or both; segment when absent",
    },
}

# Of bodies with our options: every other field is a mistake.
OPTION_RULES: dict[str, Any] = {
    "additionalProperties": False,
    "not": {
        "required": ["track", "tracks"],
        "properties": {"track": {"not": {"enum": ["", None]}}, "tracks": {"const": "mix"}},
    },
}

# The engine uses only the end of a longer prompt, and a warning says so; the whole would be stored with each
# event of a job.
MAX_PROMPT_BYTES = 8 * 1024

# An engine that takes one language at a time gets the recording once for each.
MAX_LANGUAGES = 4
_LANGUAGES = Sentence(f"at most {MAX_LANGUAGES} languages", f"{MAX_LANGUAGES} idiomas como máximo")

_TRACK_NUMBER = Sentence("1, 2, …, without `tracks`", "1, 2, …, sin `tracks`")

MODELS = ("whisper-large-v3-turbo", "whisper-large-v3")


def parse_options(fields: Fields, *, beside: Iterable[str] = ()) -> Options:
    """The options in a form's fields; an empty value counts as not sent.

    `beside` names other fields that the caller reads. Raises OptionUnknown, OptionInvalid or LanguageUnknown.
    """
    known = (*_READERS, *beside)
    values: dict[str, list[str]] = {}
    for name, value in fields:
        option = name.removesuffix("[]") if name.removesuffix("[]") in _LISTS else name
        if option not in known:
            raise OptionUnknown(option=option[:40], known=", ".join(sorted(known)))
        if option in _READERS and value.strip():
            values.setdefault(option, []).append(value.strip())
    if "track" in values and "tracks" in values:
        raise OptionInvalid(option="track", expected=_TRACK_NUMBER)
    options = {option: _read(option, texts) for option, texts in values.items()}
    return Options(**_split_languages(options))


def _read(option: str, texts: list[str]) -> Any:
    if option not in _LISTS and len(texts) > 1:
        raise OptionInvalid(option=option, expected=ONE_VALUE)
    return _READERS[option](",".join(texts))


def _language(value: str) -> tuple[str, ...]:
    languages = codes_in(value)
    if len(languages) > MAX_LANGUAGES:
        raise OptionInvalid(option="language", expected=_LANGUAGES)
    if not languages and not is_unspecified(value):
        raise LanguageUnknown(language=value[:40])
    return languages


def _split_languages(options: dict[str, Any]) -> dict[str, Any]:
    """One language is what is spoken; several are what may be spoken."""
    languages = options.pop("language", ())
    if len(languages) == 1:
        return {**options, "language": languages[0]}
    return {**options, "languages": languages} if languages else options


def _prompt(value: str) -> str:
    return fit_prompt(value, MAX_PROMPT_BYTES)


def _temperature(value: str) -> float:
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    if not 0 <= number <= 1:
        raise OptionInvalid(option="temperature", expected="0 … 1")
    return number


def _timestamps(value: str) -> tuple[Granularity, ...]:
    names = {part.strip().lower() for part in value.split(",") if part.strip()}
    if not names <= {"segment", "word"}:
        raise OptionInvalid(option="timestamps", expected="segment, word")
    both: tuple[Granularity, ...] = ("segment", "word")
    return tuple(granularity for granularity in both if granularity in names)


def _task(value: str) -> Task:
    tasks: Mapping[str, Task] = {"transcribe": "transcribe", "translate": "translate"}
    if value.lower() not in tasks:
        raise OptionInvalid(option="task", expected="transcribe, translate")
    return tasks[value.lower()]


def _track(value: str) -> int:
    if not (value.isascii() and value.isdigit() and 1 <= int(value[:4]) <= MAX_TRACK):
        raise OptionInvalid(option="track", expected=_TRACK_NUMBER)
    return int(value[:4])


def _tracks(value: str) -> str:
    if value.lower() != "mix":
        raise OptionInvalid(option="tracks", expected="mix")
    return "mix"


def _input_format(value: str) -> str:
    if parse_raw_format(value) is None:
        raise OptionInvalid(
            option="inputFormat", expected=f"{', '.join(RAW_FORMATS)} (;rate=8000;channels=1)"
        )
    return value


def _switch(option: str) -> Callable[[str], bool]:
    def read(value: str) -> bool:
        if value.lower() not in {"true", "1", "false", "0"}:
            raise OptionInvalid(option=option, expected="true, false")
        return value.lower() in {"true", "1"}

    return read


def _speakers(value: str) -> str | None:
    try:
        return parse_range(value)
    except ValueError as exc:
        raise OptionInvalid(option="speakers", expected=f"true, false, 2, 2-5 (1 … {MOST})") from exc


def _model(value: str) -> str:
    if value not in MODELS:
        raise OptionInvalid(option="model", expected=", ".join(MODELS))
    return value


_LISTS = frozenset({"timestamps", "language"})  # options that may be repeated
_READERS: dict[str, Callable[[str], object]] = {
    "language": _language,
    "prompt": _prompt,
    "temperature": _temperature,
    "timestamps": _timestamps,
    "task": _task,
    "model": _model,
    "track": _track,
    "tracks": _tracks,
    "inputFormat": _input_format,
    "speakers": _speakers,
    "guard": _switch("guard"),
    "cache": _switch("cache"),
}
