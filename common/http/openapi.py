"""What OpenAPI shows of bodies that the endpoints read themselves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Schema = dict[str, Any]

FILE: Schema = {
    "type": "string",
    "format": "binary",
    "description": "mp3 wav m4a flac ogg webm mp4, and more",
}
# A type of media, for tools that generate requests; the server goes by the content.
_ENCODING = {"file": {"contentType": "audio/*, video/*"}}


def form(fields: Mapping[str, Schema], *, required: tuple[str, ...] = ("file",), **rules: Any) -> Schema:
    """The content of a multipart body. `rules` are further keywords of its schema."""
    schema = {"type": "object", "required": list(required), "properties": {"file": FILE, **fields}, **rules}
    return {"multipart/form-data": {"schema": schema, "encoding": _ENCODING}}


def json_object(fields: Mapping[str, Schema], **rules: Any) -> Schema:
    """The content of a JSON body, in which null counts as not sent."""
    properties = {name: _or_null(field) for name, field in fields.items()}
    schema = {"type": "object", "properties": properties, **rules}
    return {"application/json": {"schema": schema}}


def _or_null(field: Schema) -> Schema:
    if "null" in field["type"]:
        return field
    nullable = {**field, "type": [field["type"], "null"]}
    return {**nullable, "enum": [*field["enum"], None]} if "enum" in field else nullable


def body(*contents: Schema) -> Schema:
    """For `openapi_extra`: FastAPI must not parse a body, since it would read the recording into memory."""
    return {
        "requestBody": {"required": True, "content": {k: v for each in contents for k, v in each.items()}}
    }
