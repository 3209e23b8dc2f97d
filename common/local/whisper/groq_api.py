"""Groq's speech-to-text API as values: a form to what is asked, what was recognised to an answer.

Messages are those that Groq is known to answer with, so that a client meets here what it will meet there.
https://console.groq.com/docs/api-reference#audio-transcription
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from common.errors import AudioRefused, AudioTooLong, AudioTooShort, EscribaError
from common.local.whisper.recogniser import DecodingOptions, Recognised, RecognisedSegment
from common.models import Task
from common.text.languages import code_of, codes, name_of

Format = Literal["json", "text", "verbose_json"]
Fields = Mapping[str, Sequence[str]]

MODELS = ("whisper-large-v3", "whisper-large-v3-turbo")
_TURBO = "whisper-large-v3-turbo"
_TYPES = ("flac", "mp3", "mp4", "mpeg", "mpga", "m4a", "ogg", "opus", "wav", "webm")
_FORMATS: dict[str, Format] = {"json": "json", "text": "text", "verbose_json": "verbose_json"}
_GRANULARITIES = ("word", "segment")
_FIELDS = frozenset(
    {
        "file",
        "language",
        "model",
        "prompt",
        "response_format",
        "temperature",
        "timestamp_granularities[]",
        "url",
    }
)
_LONGEST_PROMPT = 896  # UTF-8 bytes
_LONGEST_QUOTE = 64  # characters of a stranger's word that an answer repeats


class Refused(Exception):
    """An answer other than 200: its status, and Groq's `error` object."""

    def __init__(
        self, status: int, message: str, *, code: str | None = None, param: str | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        kind = "invalid_request_error" if status < 500 else "internal_server_error"
        error = {"message": message, "type": kind, "code": code, "param": param}
        self.body = {"error": {name: value for name, value in error.items() if value is not None}}


@dataclass(frozen=True, slots=True)
class TranscriptionRequest:
    """What to do with a recording, and how to answer."""

    wish: DecodingOptions
    response_format: Format
    granularities: tuple[str, ...]


def read(fields: Fields, task: Task) -> TranscriptionRequest:
    """What the text fields of a form ask for. Raises Refused."""
    for name in fields:
        if name not in _FIELDS:
            raise Refused(400, f"unknown param `{_quoted(name)}`")
    _check_model(_one(fields, "model"), task)
    response_format = _response_format(fields)
    granularities = _granularities(fields, response_format)
    wish = DecodingOptions(
        language=_language(_one(fields, "language")),
        task=task,
        prompt=_prompt(_one(fields, "prompt")),
        temperature=_temperature(_one(fields, "temperature")),
        words="word" in granularities,
    )
    return TranscriptionRequest(wish, response_format, granularities)


def check_name(filename: str | None) -> None:
    """Groq tells types by the name of the file, and so refuses here what it would. Raises Refused."""
    _, dot, ending = (filename or "").rpartition(".")
    if not dot or ending.lower() not in _TYPES:
        wanted = f"file must be one of the following types: [{' '.join(_TYPES)}]"
        raise Refused(400, wanted, code="unsupported_audio_format", param="file")


def answer(recognised: Recognised, asked: TranscriptionRequest, request_id: str) -> dict[str, Any]:
    """The JSON of a 200, as `json` or `verbose_json` has it."""
    body: dict[str, Any] = {"text": recognised.text}
    if asked.response_format == "verbose_json":
        body = {
            "task": recognised.task,
            "language": name_of(recognised.language or "en").title(),
            "duration": round(recognised.duration, 4),
            **body,
            **_times(recognised, asked.granularities),
        }
        if recognised.language_probability is not None:  # Groq does not tell it
            body["language_probability"] = round(recognised.language_probability, 4)
    return body | {"x_groq": {"id": request_id}}


def _times(recognised: Recognised, granularities: Sequence[str]) -> dict[str, Any]:
    times: dict[str, Any] = {}
    if "word" in granularities:
        words = [word for segment in recognised.segments for word in segment.words]
        times["words"] = [asdict(word) | {"word": word.word.strip()} for word in words]
    if "segment" in granularities:
        times["segments"] = [_segment(segment) for segment in recognised.segments]
    return times


def _segment(segment: RecognisedSegment) -> dict[str, Any]:
    return {name: value for name, value in asdict(segment).items() if name != "words"}


def model_list() -> dict[str, Any]:
    return {"object": "list", "data": [_model(name) for name in MODELS]}


def _model(name: str) -> dict[str, Any]:
    return {
        "id": name,
        "object": "model",
        "created": 1_700_000_000,
        "owned_by": "OpenAI",
        "active": True,
        "context_window": 448,
        "public_apps": None,
    }


def refusal(error: EscribaError) -> Refused:
    """How Groq says what we call `error`."""
    if isinstance(error, AudioTooShort):
        return Refused(400, "Audio file is too short. Minimum audio length is 0.01 seconds.")
    if isinstance(error, AudioTooLong):
        limit = error.details.get("limit_minutes")
        return Refused(400, f"Audio file is too long. Maximum audio length is {limit} minutes.")
    if isinstance(error, AudioRefused):
        return Refused(400, "could not process file - is it a valid media file?")
    return Refused(error.status, error.message("en"), code=error.code)


def _one(fields: Fields, name: str) -> str | None:
    """The value of a field that may be left out or left empty; of several, the last."""
    return fields[name][-1] or None if fields.get(name) else None


def _check_model(model: str | None, task: Task) -> None:
    if model is None:
        raise Refused(400, "`model` is a required property", param="model")
    if model not in MODELS:
        missing = f"The model `{_quoted(model)}` does not exist or you do not have access to it."
        raise Refused(404, missing, code="model_not_found")
    if task == "translate" and model == _TURBO:
        raise Refused(400, f"The model `{_TURBO}` does not support translation", param="model")


def _response_format(fields: Fields) -> Format:
    asked = _one(fields, "response_format") or "json"
    if asked not in _FORMATS:
        wanted = f"response_format must be one of [{' '.join(_FORMATS)}]"
        raise Refused(400, wanted, param="response_format")
    return _FORMATS[asked]


def _granularities(fields: Fields, response_format: Format) -> tuple[str, ...]:
    name = "timestamp_granularities[]"
    asked = tuple(value for value in fields.get(name, ()) if value)
    if unknown := [value for value in asked if value not in _GRANULARITIES]:
        wanted = f"{name} must be one of [{' '.join(_GRANULARITIES)}], not `{_quoted(unknown[0])}`"
        raise Refused(400, wanted, param=name)
    if asked and response_format != "verbose_json":
        raise Refused(400, f"{name} is only supported with response_format `verbose_json`", param=name)
    return asked or ("segment",)


def _language(asked: str | None) -> str | None:
    if asked is None:
        return None
    code = code_of(asked)
    if code is None or asked.lower() not in {code, "jw"}:  # names and tags are not taken there
        wanted = f"language must be one of the following values: [{' '.join(sorted(codes()))}]"
        raise Refused(400, wanted, param="language")
    return code


def _prompt(asked: str | None) -> str | None:
    if asked is not None and len(asked.encode("utf-8", "surrogatepass")) > _LONGEST_PROMPT:
        raise Refused(400, f"prompt must be at most {_LONGEST_PROMPT} characters long", param="prompt")
    return asked


def _temperature(asked: str | None) -> float:
    try:
        value = float(asked or 0)
    except ValueError:
        value = -1.0
    if not 0.0 <= value <= 1.0:  # NaN is not either
        raise Refused(400, "temperature must be a number between 0 and 1", param="temperature")
    return value


def _quoted(word: str) -> str:
    return word if len(word) <= _LONGEST_QUOTE else f"{word[:_LONGEST_QUOTE]}…"
