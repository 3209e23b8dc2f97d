"""Reads a body of fields without a file: JSON, or the form that `curl -d` sends."""

from __future__ import annotations

import json
from collections.abc import AsyncIterable, Callable
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
_SWITCHES = frozenset({"guard", "cache", "stream", "wordTimes"})

# Options that may have several values.
_LISTS = frozenset({"language", "timestamps", "timestamp_granularities", "temperature"})

_TOO_MUCH = Sentence("it is more than 64 KB of fields", "son más de 64 KB de campos")
_NOT_JSON = Sentence("it is not JSON", "no es JSON")
_NO_OBJECT = Sentence("it is JSON, but no object", "es JSON, pero no un objeto")
_NO_FORM = Sentence("its fields are not well-formed", "sus campos no están bien formados")
_CUT_CHARACTER = Sentence("a text in it ends within a character", "un texto termina en mitad de un carácter")
_TEXT_OR_NUMBER = Sentence("text or a number", "texto o un número")

Fields = tuple[tuple[str, str], ...]
IsFree = Callable[[str], bool]


def takes_none(_: str) -> bool:
    """The IsFree of an endpoint that reads every field."""
    return False


def media_type(content_type: str | None) -> str:
    """Without its parameters, in small letters."""
    return (content_type or "").partition(";")[0].strip().lower()


async def read_fields(stream: AsyncIterable[bytes], kind: str, *, is_free: IsFree = takes_none) -> Fields:
    """The fields of JSON or of a form, as a multipart form has them. Raises BodyMalformed, OptionInvalid.

    A field whose name `is_free` may have any value: the endpoint does not read it.
    """
    if kind == FORM:
        return _form_fields(await _read(stream))
    body = await read_object(stream)
    return tuple(pair for name, value in body.items() for pair in _pairs(name, value, is_free(name)))


async def read_object(stream: AsyncIterable[bytes]) -> dict[str, Any]:
    """The object that a body of JSON holds. Raises BodyMalformed."""
    try:
        value = json.loads(await _read(stream), parse_float=_number)
        json.dumps(value, ensure_ascii=False).encode()  # it may hold half a character: RFC 8259, 8.2
    except UnicodeEncodeError:
        raise BodyMalformed(problem=_CUT_CHARACTER) from None
    except (ValueError, RecursionError):
        raise BodyMalformed(problem=_NOT_JSON) from None
    if not isinstance(value, dict):
        raise BodyMalformed(problem=_NO_OBJECT)
    return value


def _number(text: str) -> float:
    """JSON knows one kind of number (RFC 8259, 6): 1.0 is as whole as 1."""
    number = float(text)
    return int(number) if number.is_integer() else number


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


def _pairs(name: str, value: Any, is_free: bool) -> list[tuple[str, str]]:
    """A value of JSON as a form sends it, so that one parser checks both."""
    if is_free:
        return [(name, json.dumps(value))]
    if not isinstance(value, list):
        return [] if value is None else [(name, _text(name, value))]
    if name.removesuffix("[]") not in _LISTS:
        raise _not_text(name)
    items = [item for item in value if item is not None]
    return [(f"{name.removesuffix('[]')}[]", _text(name, item)) for item in items or [""]]


def _text(name: str, value: Any) -> str:
    if name in _SWITCHES and not isinstance(value, bool | str):
        raise OptionInvalid(option=name, expected="true, false")
    if isinstance(value, bool) and name in _SWITCHES | {"speakers"}:
        return str(value).lower()
    if isinstance(value, dict | list | bool):
        raise _not_text(name)
    return str(value)


def _not_text(name: str) -> OptionInvalid:
    return OptionInvalid(option=name[:40], expected=_TEXT_OR_NUMBER)
