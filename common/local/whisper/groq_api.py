"""Groq's speech-to-text API as values: form fields → a request, a recognition → a response body. Pure.

The error messages are those that Groq is known to send, so that a client gets the same from both.
https://console.groq.com/docs/api-reference#audio-transcription
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from common.errors import AudioRefused, AudioTooLong, AudioTooShort, EscribaError
from common.local.whisper.recognition import DecodingOptions, RecognisedSegment, RecognitionResult
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
_LONGEST_QUOTE = 64  # characters of a client's value that an error message repeats


class ApiError(Exception):
    """An error response: its status, and Groq's `error` object as `body`."""

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
    """How to decode a recording, and the format of the response."""

    options: DecodingOptions
    response_format: Format
    granularities: tuple[str, ...]


def parse_request(fields: Fields, task: Task) -> TranscriptionRequest:
    """The request of a form's text fields. Raises ApiError."""
    for name in fields:
        if name not in _FIELDS:
            raise ApiError(400, f"unknown param `{_quoted(name)}`")
    _check_model(_last_value(fields, "model"), task)
    response_format = _response_format(fields)
    granularities = _granularities(fields, response_format)
    languages = _languages(_last_value(fields, "language"))
    options = DecodingOptions(
        language=languages[0] if len(languages) == 1 else None,
        languages=languages if len(languages) > 1 else (),
        task=task,
        prompt=_prompt(_last_value(fields, "prompt")),
        temperature=_temperature(_last_value(fields, "temperature")),
        words="word" in granularities,
    )
    return TranscriptionRequest(options, response_format, granularities)


def check_name(filename: str | None) -> None:
    """Refuse the file names that Groq refuses: it decides by the extension. Raises ApiError."""
    _, dot, extension = (filename or "").rpartition(".")
    if not dot or extension.lower() not in _TYPES:
        message = f"file must be one of the following types: [{' '.join(_TYPES)}]"
        raise ApiError(400, message, code="unsupported_audio_format", param="file")


def response_body(
    result: RecognitionResult, request: TranscriptionRequest, request_id: str
) -> dict[str, Any]:
    """The JSON of a 200 in the format `json` or `verbose_json`."""
    body: dict[str, Any] = {"text": result.text}
    if request.response_format == "verbose_json":
        body = {
            "task": result.task,
            "language": name_of(result.language or "en").title(),
            "duration": round(result.duration, 4),
            **body,
            **_times(result, request.granularities),
        }
        if result.language_probability is not None:  # Groq does not send it
            body["language_probability"] = round(result.language_probability, 4)
    return body | {"x_groq": {"id": request_id}}


def _times(result: RecognitionResult, granularities: Sequence[str]) -> dict[str, Any]:
    times: dict[str, Any] = {}
    if "word" in granularities:
        words = [word for segment in result.segments for word in segment.words]
        times["words"] = [asdict(word) | {"word": word.word.strip()} for word in words]
    if "segment" in granularities:
        times["segments"] = [_segment(segment) for segment in result.segments]
    return times


def _segment(segment: RecognisedSegment) -> dict[str, Any]:
    return {name: value for name, value in asdict(segment).items() if name != "words"}


def segment_event(segment: RecognisedSegment) -> dict[str, Any]:
    """An event of a stream: one segment, as OpenAI's streams have it, with the fields of verbose_json."""
    return {"type": "transcript.text.segment", **_segment(segment)}


def done_event(body: Mapping[str, Any]) -> dict[str, Any]:
    """The last event of a stream: the whole answer."""
    return {"type": "transcript.text.done", **body}


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


def api_error_from(error: EscribaError) -> ApiError:
    """Groq's own error for one of ours."""
    if isinstance(error, AudioTooShort):
        return ApiError(400, "Audio file is too short. Minimum audio length is 0.01 seconds.")
    if isinstance(error, AudioTooLong):
        limit = error.details.get("limit_minutes")
        return ApiError(400, f"Audio file is too long. Maximum audio length is {limit} minutes.")
    if isinstance(error, AudioRefused):
        return ApiError(400, "could not process file - is it a valid media file?")
    return ApiError(error.status, error.message("en"), code=error.code)


def _last_value(fields: Fields, name: str) -> str | None:
    """The value of a field; None if it is missing or empty. Of several values, the last."""
    return fields[name][-1] or None if fields.get(name) else None


def _check_model(model: str | None, task: Task) -> None:
    if model is None:
        raise ApiError(400, "`model` is a required property", param="model")
    if model not in MODELS:
        message = f"The model `{_quoted(model)}` does not exist or you do not have access to it."
        raise ApiError(404, message, code="model_not_found")
    if task == "translate" and model == _TURBO:
        raise ApiError(400, f"The model `{_TURBO}` does not support translation", param="model")


def _response_format(fields: Fields) -> Format:
    value = _last_value(fields, "response_format") or "json"
    if value not in _FORMATS:
        message = f"response_format must be one of [{' '.join(_FORMATS)}]"
        raise ApiError(400, message, param="response_format")
    return _FORMATS[value]


def _granularities(fields: Fields, response_format: Format) -> tuple[str, ...]:
    name = "timestamp_granularities[]"
    values = tuple(value for value in fields.get(name, ()) if value)
    if unknown := [value for value in values if value not in _GRANULARITIES]:
        message = f"{name} must be one of [{' '.join(_GRANULARITIES)}], not `{_quoted(unknown[0])}`"
        raise ApiError(400, message, param=name)
    if values and response_format != "verbose_json":
        raise ApiError(400, f"{name} is only supported with response_format `verbose_json`", param=name)
    return values or ("segment",)


def _languages(value: str | None) -> tuple[str, ...]:
    """One code, as Groq takes it; several, `es,en`, limit the detection, which is an extension of ours."""
    codes_ = tuple(_language(code) for code in value.split(",")) if value else ()
    return tuple(dict.fromkeys(codes_))


def _language(value: str) -> str:
    code = code_of(value)
    if code is None or value.lower() not in {code, "jw"}:  # Groq takes neither names nor tags
        message = f"language must be one of the following values: [{' '.join(sorted(codes()))}]"
        raise ApiError(400, message, param="language")
    return code


def _prompt(value: str | None) -> str | None:
    if value is not None and len(value.encode("utf-8", "surrogatepass")) > _LONGEST_PROMPT:
        raise ApiError(400, f"prompt must be at most {_LONGEST_PROMPT} characters long", param="prompt")
    return value


def _temperature(value: str | None) -> float:
    try:
        temperature = float(value or 0)
    except ValueError:
        temperature = -1.0
    if not 0.0 <= temperature <= 1.0:  # false for NaN, too
        raise ApiError(400, "temperature must be a number between 0 and 1", param="temperature")
    return temperature


def _quoted(word: str) -> str:
    return word if len(word) <= _LONGEST_QUOTE else f"{word[:_LONGEST_QUOTE]}…"
