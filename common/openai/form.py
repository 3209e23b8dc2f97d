"""Form fields as clients spell them: lists and objects, values that mean "not set", items of a list."""

from __future__ import annotations

from collections.abc import Iterable

from common.upload.fields import UNSET


def group_fields(fields: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    """Different values by name, in order; `name[]`, `name[0]` and `name[key]` spell lists and objects."""
    values: dict[str, list[str]] = {}
    for spelling, text in fields:
        value = text.strip()
        if value not in UNSET:
            kept = values.setdefault(spelling.partition("[")[0].strip(), [])
            if value not in kept:
                kept.append(value)
    return values


def list_items(values: Iterable[str]) -> list[str]:
    """The items of a list that comes as repeated fields, as `word,segment` or as `["word", "segment"]`."""
    parts = (part for value in values for part in value.removeprefix("[").removesuffix("]").split(","))
    return [item for part in parts if (item := part.strip(" \"'"))]
