"""The speaker of each word, and of the speech without words between: both are judged in one line. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from common.speakers.assignment import assign_speakers
from common.speakers.packing import unpack, unpack_speech
from common.speakers.speech import between_words
from common.speakers.windows import Span, join_spans

_PART = 0.4  # seconds of speech without words that are judged as a word is


@dataclass(frozen=True, slots=True)
class Turns:
    """The speaker, from 0, of each word and of speech without words; `doubt`: that is hard to tell."""

    speakers: list[int]
    wordless: list[tuple[Span, int]]
    doubt: bool


def assign_turns(words: Sequence[Span], packed: bytes, *, least: int, most: int) -> Turns:
    """`words` are in order; `packed` is what was kept of all stretches.

    The words may be others than those that were there when the voices were heard.
    """
    parts = _parts_of(between_words(join_spans(unpack_speech(packed), _PART), words))
    units = [*words, *parts]
    order = sorted(range(len(units)), key=lambda at: units[at].start)
    times, voices = unpack(packed)
    assigned = assign_speakers([units[at] for at in order], times, voices, least=least, most=most)
    speakers = [0] * len(units)
    for at, speaker in zip(order, assigned.speakers, strict=True):
        speakers[at] = speaker
    wordless = _join(zip(parts, speakers[len(words) :], strict=True))
    return Turns(speakers[: len(words)], wordless, assigned.doubt)


def _parts_of(speech: Iterable[Span]) -> list[Span]:
    """Equal parts of each stretch, about as long as a word."""
    parts: list[Span] = []
    for start, end in speech:
        count = max(1, round((end - start) / _PART))
        length = (end - start) / count
        parts += [Span(start + i * length, start + (i + 1) * length) for i in range(count)]
    return parts


def _join(parts: Iterable[tuple[Span, int]]) -> list[tuple[Span, int]]:
    """Parts that touch and have one speaker, as one."""
    joined: list[tuple[Span, int]] = []
    for span, speaker in parts:
        if joined and joined[-1][1] == speaker and span.start - joined[-1][0].end < 1e-3:
            joined[-1] = Span(joined[-1][0].start, span.end), speaker
        else:
            joined.append((span, speaker))
    return joined
