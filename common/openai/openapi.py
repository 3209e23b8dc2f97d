"""What OpenAPI shows of OpenAI's endpoints: their form, answers and errors."""

from __future__ import annotations

from typing import Any

from common.http.recording import URL_FIELD, body_of_fields


def form(fields: dict[str, dict[str, object]]) -> dict[str, Any]:
    """OpenAPI of a form. FastAPI must not parse it, since it would read the recording into memory."""
    properties = {"file": {"type": "string", "format": "binary"}, "url": URL_FIELD, **fields}
    content = body_of_fields({"type": "object", "properties": properties})
    return {"requestBody": {"required": True, "content": content}}


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
