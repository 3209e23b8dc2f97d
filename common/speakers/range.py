"""How many speakers a recording may have: `true`, `2`, `2-5`. Pure."""

from __future__ import annotations

import re

MOST = 20
_UNLIMITED = 10  # speakers, where no number is given: more would be guesses
_RANGE = re.compile(r"([0-9]{1,2})(?:-([0-9]{1,2}))?")


def parse_range(text: str) -> str | None:
    """The option as it is kept; None for `false`. Raises ValueError for anything else."""
    value = text.strip().lower()
    if value in {"false", "true"}:
        return None if value == "false" else value
    found = _RANGE.fullmatch(value)
    if found is None:
        raise ValueError(text)
    least, most = int(found[1]), int(found[2] or found[1])
    if not 1 <= least <= most <= MOST:
        raise ValueError(text)
    return f"{least}-{most}" if most > least else f"{least}"


def range_of(option: str | None) -> tuple[int, int]:
    """The least and the most speakers of an option that `parse_range` gave."""
    if option in {None, "true"}:
        return 1, _UNLIMITED
    least, _, most = str(option).partition("-")
    return int(least), int(most or least)
