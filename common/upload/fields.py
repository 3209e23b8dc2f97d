"""Reads a body of fields without a file: JSON, or the form that `curl -d` sends."""

from __future__ import annotations

import json
from collections.abc import AsyncIterable
from typing import Any
from urllib.parse import parse_qsl

from common.errors import BodyMalformed, OptionInvalid, Sentence

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data"

# What programs send for a variable without a value.
UNSET = frozenset({"", "null", "undefined", "None", "[]"})

MAX_BYTES = 64 * 1024
_MAX_FIELDS = 64

# Options that are switches: JSON has words of its own for their values.
_SWITCHES = frozenset({"guard", "cache", "stream"})

_TOO_MUCH = Sentence("it is more than 64 KB of fields", "son más de 64 KB de campos")
_NOT_JSON = Sentence("it is not JSON", "no es JSON")
_NO_OBJECT = Sentence("it is JSON, but no object", "es JSON, pero no un objeto")
_NO_FORM = Sentence("its fields are not well-formed", "sus campos no están bien formados")
_CUT_CHARACTER = Sentence("a text in it ends within a character", "un texto termina en mitad de un carácter")
_TEXT_OR_NUMBER = Sentence("text or a number", "texto o un número")

Fields = tuple[tuple[str, str], ...]


def media_type(content_type: str | None) -> str:
    """Without its parameters, in small letters."""
    return (content_type or "").partition(";")[0].strip().lower()


async def read_fields(stream: AsyncIterable[bytes], kind: str) -> Fields:
    """The fields of JSON or of a form, as a multipart form has them. Raises BodyMalformed, OptionInvalid."""
    if kind == FORM:
        return _form_fields(await _read(stream))
    return tuple(_pairs(await read_object(stream)))


async def read_object(stream: AsyncIterable[bytes]) -> dict[str, Any]:
    """The object that a body of JSON holds. Raises BodyMalformed."""
    try:
        value = json.loads(await _read(stream))
    except (ValueError, RecursionError):
        raise BodyMalformed(problem=_NOT_JSON) from None
    if not isinstance(value, dict):
        raise BodyMalformed(problem=_NO_OBJECT)
    return value


async def _read(stream: AsyncIterable[bytes]) -> bytes:
    body = bytearray()
    async for block in stream:
        body += block
        if len(body) > MAX_BYTES:
            raise BodyMalformed(problem=_TOO_MUCH)
    return bytes(body)


def _form_fields(body: bytes) -> Fields:
    try:
        pairs = parse_qsl(body.decode(), keep_blank_values=True, errors="strict", max_num_fields=_MAX_FIELDS)
    except ValueError:
        raise BodyMalformed(problem=_NO_FORM) from None
    return tuple(pairs)


def _pairs(body: dict[str, Any]) -> list[tuple[str, str]]:
    """JSON's values as a form sends them, so that one parser checks both."""
    fields: list[tuple[str, str]] = []
    for name, value in body.items():
        for item in value if isinstance(value, list) else [value]:
            if isinstance(item, bool) and name in _SWITCHES:
                fields.append((name, str(item).lower()))
            elif isinstance(item, dict | list | bool):
                raise OptionInvalid(option=name[:40], expected=_TEXT_OR_NUMBER)
            elif item is not None:
                fields.append((name, _check_characters(str(item))))
    return fields


def _check_characters(text: str) -> str:
    """The same text. Raises BodyMalformed for half a character, as JSON can hold it (RFC 8259, 8.2)."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise BodyMalformed(problem=_CUT_CHARACTER) from None
    return text
