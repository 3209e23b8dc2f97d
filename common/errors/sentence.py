"""One sentence for a person, in English and Spanish, with its details filled in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple

Language = Literal["en", "es"]


class Sentence(NamedTuple):
    """One sentence for the person who uploaded, in both languages; `{name}` stands for a detail."""

    en: str
    es: str

    def speak(self, language: Language, details: Mapping[str, Detail]) -> str:
        told = {name: _told(detail, language) for name, detail in details.items()}
        return getattr(self, language).format_map(_Details(told))  # type: ignore[no-any-return]


# A detail that is words of ours is said in both languages, too.
Detail = str | float | Sentence


# What an option that was given twice expects.
ONE_VALUE = Sentence("one value", "un solo valor")


def _told(detail: Detail, language: Language) -> str | float:
    if isinstance(detail, Sentence):
        return detail.speak(language, {})
    if isinstance(detail, str):
        # A stranger's words are repeated without what would turn a line around or colour a terminal.
        return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in detail)
    # 25 that came back from the store as 25.0 is still told as 25.
    return int(detail) if isinstance(detail, float) and detail.is_integer() else detail


class _Details(dict[str, str | float]):
    """A sentence must never turn one failure into another for want of a detail."""

    def __missing__(self, key: str) -> str:
        return "?"
