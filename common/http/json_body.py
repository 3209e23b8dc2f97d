"""A JSON body: read within bounds, checked, and as the fields of a form."""

from __future__ import annotations

import json
from typing import Any

from starlette.requests import Request

from common import errors
from common.http.disconnect import body_of

_MAX_BYTES = 64 * 1024

_TOO_MUCH = errors.Sentence("it is more than 64 KB of JSON", "son más de 64 KB de JSON")
_NOT_JSON = errors.Sentence("it is not JSON", "no es JSON")
_NO_OBJECT = errors.Sentence("it is JSON, but no object", "es JSON, pero no un objeto")
_CUT_CHARACTER = errors.Sentence(
    "a text in it ends within a character", "un texto termina en mitad de un carácter"
)
_TEXT_OR_NUMBER = errors.Sentence("text or a number", "texto o un número")


async def read_json(request: Request) -> dict[str, Any]:
    """The object that the body holds. Raises BodyMalformed."""
    body = bytearray()
    async for block in body_of(request):
        body += block
        if len(body) > _MAX_BYTES:
            raise errors.BodyMalformed(problem=_TOO_MUCH)
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        raise errors.BodyMalformed(problem=_NOT_JSON) from None
    if not isinstance(value, dict):
        raise errors.BodyMalformed(problem=_NO_OBJECT)
    return value


def form_fields(body: dict[str, Any]) -> list[tuple[str, str]]:
    """JSON's values as a form sends them, so that one parser checks both."""
    fields: list[tuple[str, str]] = []
    for name, value in body.items():
        is_list = isinstance(value, list) and name == "timestamps"
        for item in value if is_list else [value]:
            if isinstance(item, bool) and name in {"guard", "cache"}:
                fields.append((name, str(item).lower()))
            elif isinstance(item, dict | list | bool) or (is_list and item is None):
                raise errors.OptionInvalid(option=name[:40], expected=_TEXT_OR_NUMBER)
            elif item is not None:
                fields.append((name, _check_characters(str(item))))
    return fields


def _check_characters(text: str) -> str:
    """The same text. Raises BodyMalformed for half a character, as JSON can hold it (RFC 8259, 8.2)."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise errors.BodyMalformed(problem=_CUT_CHARACTER) from None
    return text
