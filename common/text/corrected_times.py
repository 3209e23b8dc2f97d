"""Checks the times of a corrected text: they rise, within the recording. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from common.errors import OptionInvalid, Sentence
from common.models import Word
from common.text.correction import CorrectedSegment
from common.text.tokens import letters

_ROUNDING = 0.001  # seconds: pages round times to milliseconds
_ITS_WORDS = Sentence("the words of the segment's text", "las palabras del texto del segmento")


def check_times(segments: Iterable[CorrectedSegment], *, duration: float) -> Iterator[CorrectedSegment]:
    """The same segments, none before the end of the one before it. Raises OptionInvalid, which names one."""
    clock = word_clock = 0.0
    for i, segment in enumerate(segments):
        place = f"segments[{i}]"
        start, clock = _check(place, segment.start, segment.end, clock, duration)
        words = segment.words
        if words is not None:
            _check_letters(place, segment.text, words)
            words, word_clock = _check_words(place, words, word_clock, duration)
        yield replace(segment, start=start, end=clock, words=words)


def _check_words(
    place: str, words: Sequence[Word], clock: float, duration: float
) -> tuple[tuple[Word, ...], float]:
    checked: list[Word] = []
    for i, word in enumerate(words):
        start, clock = _check(f"{place}.words[{i}]", word.start, word.end, clock, duration)
        checked.append(Word(word=word.word, start=start, end=clock))
    return tuple(checked), clock


def _check(place: str, start: float, end: float, least: float, most: float) -> tuple[float, float]:
    if not least - _ROUNDING <= start <= most + _ROUNDING:
        raise OptionInvalid(option=f"{place}.start", expected=f"{least:g} … {most:g}")
    if not start <= end <= most + _ROUNDING:
        raise OptionInvalid(option=f"{place}.end", expected=f"{start:g} … {most:g}")
    left = min(max(start, least), most)
    return left, max(left, min(end, most))


def _check_letters(place: str, text: str, words: Sequence[Word]) -> None:
    """Files of subtitles are made of words, others of text: both must say the same."""
    if letters(text) != "".join(letters(word.word) for word in words):
        raise OptionInvalid(option=f"{place}.words", expected=_ITS_WORDS)
