"""What OpenAPI shows of OpenAI's endpoints: their form, answers and errors."""

from __future__ import annotations

from typing import Any

from common.http.openapi import URL, Fields, json_object, recording_form, request_body
from common.http.options import LANGUAGES


def body(fields: Fields, *rules: dict[str, Any]) -> dict[str, Any]:
    """OpenAPI of a form, and of JSON with the `url` of a recording."""
    further = {"allOf": list(rules)} if rules else {}
    lists = {name: schema for name, schema in _LISTS.items() if name in fields}
    json = json_object({"url": URL, **fields, **lists}, required=["url"], **further)
    return request_body(recording_form(fields, **further), json)


_TEMPERATURES = {
    "type": ["number", "string", "array"],
    "minimum": 0,
    "maximum": 1,
    "pattern": "^[01]?$",
    "items": {"type": ["number", "null"], "minimum": 0, "maximum": 1},
    "description": "of a list, the first; the engine itself goes on to higher ones",
}
_LISTS = {"temperature": _TEMPERATURES, "language": LANGUAGES}  # in JSON
# As OpenAI's server: words only where a format shows them, events only of what can be cut anywhere.
_FORMAT = "response_format"
WORDS_NEED_VERBOSE = {
    "if": {
        "required": ["timestamp_granularities[]"],
        "properties": {
            "timestamp_granularities[]": {
                "anyOf": [
                    {"type": "array", "contains": {"const": "word"}},
                    {"type": "string", "pattern": "word"},
                ]
            }
        },
    },
    "then": {"required": [_FORMAT], "properties": {_FORMAT: {"const": "verbose_json"}}},
}
STREAM_NEEDS_TEXT = {
    "if": {"required": ["stream"], "properties": {"stream": {"enum": [True, "true", "1"]}}},
    "then": {
        "properties": {
            _FORMAT: {"enum": ["json", "text", "", None]},
            "speakers": {"enum": [False, "false", "", None]},
        }
    },
}

_ERROR = {"error": {"message": "…", "type": "invalid_request_error", "param": "model", "code": "…"}}
_ERROR_SCHEMA = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["message", "type", "param", "code"],
            "properties": {
                "message": {"type": "string"},
                "type": {"type": "string"},
                "param": {"type": ["string", "null"]},
                "code": {"type": "string"},
            },
        }
    },
}
_MEANINGS: dict[int | str, str] = {
    400: "a parameter or the recording is wrong",
    404: "no such model, with STRICT_MODELS",
    413: "the recording is too large",
    429: "the engine's quota is spent until Retry-After",
    502: "nothing answers at the `url`, or the engine gave no answer that can be read",
    500: "an error of this server or of the engine (5xx)",
    "default": "any other failure",
}
ERRORS: dict[int | str, dict[str, Any]] = {
    status: {
        "description": meaning,
        "content": {"application/json": {"schema": _ERROR_SCHEMA, "example": _ERROR}},
    }
    for status, meaning in _MEANINGS.items()
}
TEXT = {
    "application/json": {"example": {"text": "Hola, ¿qué tal?", "usage": {"type": "duration", "seconds": 3}}},
    "text/plain": {"example": "Hola, ¿qué tal?\n"},
}
STREAM = {
    "text/event-stream": {
        "example": 'data: {"type":"transcript.text.delta","delta":"Hola"}\n\n'
        'data: {"type":"transcript.text.done","text":"Hola"}\n\n'
    }
}
