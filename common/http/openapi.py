"""What OpenAPI shows of bodies that the endpoints read themselves: what is accepted, and nothing else.

FastAPI must not parse these bodies, since it would read a recording into memory.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from common.upload.fields import JSON, MULTIPART

Schema = dict[str, Any]
Fields = Mapping[str, Schema]

FILE: Schema = {
    "type": "string",
    "format": "binary",
    "description": "mp3 wav m4a flac ogg webm mp4, and more",
}
URL: Schema = {
    "type": "string",
    "format": "uri",
    "minLength": 1,
    "description": "instead of a file: the http or https address of the recording",
}

# A type of media, for tools that generate requests; the server goes by the content.
_ENCODING = {"file": {"contentType": "audio/*, video/*"}}
_NO_URL: Schema = {"properties": {"url": {"enum": [""]}}}
_EITHER = [
    {"required": ["file"], **_NO_URL},
    {"required": ["url"], "properties": {"url": {"minLength": 1}}, "not": {"required": ["file"]}},
]


def request_body(*contents: Schema) -> Schema:
    """For `openapi_extra`."""
    merged = {kind: content for each in contents for kind, content in each.items()}
    return {"requestBody": {"required": True, "content": merged}}


def recording_form(fields: Fields, **rules: Any) -> Schema:
    """A form with either a file or a `url`. `rules` are further keywords of its schema."""
    properties = {"file": FILE, "url": {**URL, "minLength": 0}, **form_fields(fields)}
    return form(properties, anyOf=_EITHER, **rules)


def form(properties: Fields, **rules: Any) -> Schema:
    return {
        MULTIPART: {"schema": {"type": "object", "properties": properties, **rules}, "encoding": _ENCODING}
    }


def exact_object(fields: Fields, *required: str) -> Schema:
    """A JSON body of these fields and no others."""
    schema: Schema = {"type": "object", "properties": fields, "additionalProperties": False}
    return {JSON: {"schema": schema | ({"required": list(required)} if required else {})}}


def json_object(fields: Fields, **rules: Any) -> Schema:
    """A JSON body, in which null counts as not sent."""
    required = rules.get("required", ())
    properties = {
        name: field if name in required else _or_null(field) for name, field in form_fields(fields).items()
    }
    return {JSON: {"schema": {"type": "object", "properties": properties, **rules}}}


def form_fields(fields: Fields) -> dict[str, Schema]:
    """The fields as text can hold them; an empty text counts as not sent."""
    return {name: _or_empty(field) for name, field in fields.items()}


def _or_empty(field: Schema) -> Schema:
    kind = field["type"]
    if kind in ("integer", "number"):
        return {**field, "type": [kind, "string"], "pattern": _pattern_of_digit(field)}
    if kind == "boolean":
        return {**field, "type": [kind, "string"], "enum": [True, False, "true", "false", "1", "0", ""]}
    return {**field, "enum": [*field["enum"], ""]} if "enum" in field else field


def _pattern_of_digit(number: Schema) -> str:
    """Of texts that stand for the number: to show all would need a pattern for each pair of bounds."""
    least, most = number.get("minimum", 0), number.get("maximum", 9)
    return f"^[{''.join(str(digit) for digit in range(10) if least <= digit <= most)}]?$".replace("[]", "")


def _or_null(field: Schema) -> Schema:
    kinds = [field["type"]] if isinstance(field["type"], str) else field["type"]
    is_any_text = kinds == ["string"] and not field.keys() & {"enum", "pattern", "format"}
    nullable = {**field, "type": [*kinds, *(["number"] if is_any_text else []), "null"]}
    return {**nullable, "enum": [*field["enum"], None]} if "enum" in field else nullable
