"""One sentence for a person, in English and Spanish, with its details filled in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple

Language = Literal["en", "es"]


class Sentence(NamedTuple):
    """One sentence for the person who uploaded, in both languages; `{name}` is replaced by that detail."""

    en: str
    es: str

    def render(self, language: Language, details: Mapping[str, Detail]) -> str:
        texts = {name: _render(detail, language) for name, detail in details.items()}
        return getattr(self, language).format_map(_Details(texts))  # type: ignore[no-any-return]


# A detail in our own words exists in both languages, too.
Detail = str | float | Sentence


# What is expected of an option that was sent twice.
ONE_VALUE = Sentence("one value", "un solo valor")


def _render(detail: Detail, language: Language) -> str | float:
    if isinstance(detail, Sentence):
        return detail.render(language, {})
    if isinstance(detail, str):
        # A stranger's text loses the characters that would reverse a line or colour a terminal.
        return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in detail)
    # 25 that the store returns as 25.0 is still shown as 25.
    return int(detail) if isinstance(detail, float) and detail.is_integer() else detail


class _Details(dict[str, str | float]):
    """Shows a missing detail as `?`: it must not turn one failure into another."""

    def __missing__(self, key: str) -> str:
        return "?"
