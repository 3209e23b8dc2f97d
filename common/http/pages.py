"""A list page by page, as an address asks for it and as it is answered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import Response

from common.admin.directory import Position, read_cursor, write_cursor
from common.errors import OptionInvalid, Sentence
from common.http.app import json_response
from common.http.query import read_number

_MOST, _USUAL = 200, 50

A_CURSOR = Sentence("`next` of an earlier page", "el `next` de una página anterior")
A_SHORT_PAGE = "a page may be shorter than `limit` though more follow: `next` says so"

PAGE_QUERY: dict[str, dict[str, Any]] = {
    "limit": {"type": "integer", "minimum": 1, "maximum": _MOST, "default": _USUAL},
    "cursor": {"type": "string", "description": "`next` of the page before, with the same filter"},
}


def read_page(values: Mapping[str, str], start: Position) -> tuple[Position, int]:
    """Where the page begins, and how long it may be. Raises OptionInvalid."""
    limit = read_number(values, "limit", default=_USUAL, most=_MOST)
    if "cursor" not in values:
        return start, limit
    try:
        return read_cursor(values["cursor"]), limit
    except ValueError:
        raise OptionInvalid(option="cursor", expected=A_CURSOR) from None


def page_response(name: str, rows: Sequence[Mapping[str, Any]], rest: Position | None) -> Response:
    """`rows` under their `name`, and the cursor of the `rest`."""
    view = {name: rows, "next": None if rest is None else write_cursor(rest)}
    return json_response(view, headers={"Cache-Control": "no-store"})
