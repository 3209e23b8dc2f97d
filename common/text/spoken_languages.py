"""Which languages are spoken in a transcript, and which of them most. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from common.models import Segment, Transcript
from common.text.tokens import letters


def letters_by_language(segments: Iterable[Segment]) -> Counter[str]:
    """How many letters are in each language; segments without a language do not count."""
    counts: Counter[str] = Counter()
    for segment in segments:
        if segment.language:
            counts[segment.language] += len(letters(segment.text))
    return counts


def languages_of(transcript: Transcript) -> list[str]:
    """The codes of the languages that are spoken, that of most of the text first."""
    found = [language for language, _ in letters_by_language(transcript.segments).most_common()]
    return found or ([transcript.language] if transcript.language else [])
