"""Who says each word, and who speaks without one: between words, or while another speaks. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from common.speakers.assignment import assign_speakers
from common.speakers.chunk_speakers import SpeakersOfChunks, Turn
from common.speakers.chunks import find_speech
from common.speakers.packing import unpack, unpack_chunks
from common.speakers.speech import between_words
from common.speakers.windows import Span, join_pauses, join_spans

_PART = 0.4  # seconds of speech without words that are judged as a word is
_PAUSE = 0.5  # seconds: a shorter one belongs to the turn
_TOUCHING = 1e-3  # seconds
_UNWRITTEN = 2.0  # seconds of speech without words: less of it is a pause between words


@dataclass(frozen=True, slots=True)
class Turns:
    """The speaker, from 0, of each word and of speech without words, which another's may overlap.

    `doubt`: who speaks is hard to tell. `unwritten`: seconds in which somebody speaks and no word is.
    """

    speakers: list[int]
    wordless: list[Turn]
    doubt: bool
    unwritten: float


def assign_turns(words: Sequence[Span], packed: bytes, *, least: int, most: int) -> Turns:
    """`words` are in order; `packed` is what was kept of all stretches.

    The words may be others than those that were there when the voices were heard.
    """
    chunks = unpack_chunks(packed)
    times, voices = unpack(packed)
    del packed  # eight MB of four hours, in good time
    wordless = between_words(find_speech(chunks), join_pauses(words))
    parts = _parts_of(between_words(join_spans(wordless, _PART), words))
    units = [*words, *parts]
    if not units:
        return Turns([], [], doubt=True, unwritten=0.0)
    order = sorted(range(len(units)), key=lambda at: units[at].start)
    assigned = assign_speakers([units[at] for at in order], times, voices, chunks, least=least, most=most)
    speakers = [0] * len(units)
    for at, speaker in zip(order, assigned.speakers, strict=True):
        speakers[at] = speaker
    between = _join(zip(parts, speakers[len(words) :], strict=True), _TOUCHING)
    spans, of_turns = zip(*_join(((units[at], speakers[at]) for at in order), _PAUSE), strict=True)
    beside = SpeakersOfChunks(spans, np.array(of_turns), chunks).beside()
    return Turns(
        speakers[: len(words)],
        sorted([*between, *beside]),
        assigned.doubt,
        sum(length for (start, end), _ in between if (length := end - start) >= _UNWRITTEN),
    )


def _parts_of(speech: Iterable[Span]) -> list[Span]:
    """Equal parts of each stretch, about as long as a word."""
    parts: list[Span] = []
    for start, end in speech:
        count = max(1, round((end - start) / _PART))
        length = (end - start) / count
        parts += [Span(start + i * length, start + (i + 1) * length) for i in range(count)]
    return parts


def _join(units: Iterable[Turn], pause: float) -> list[Turn]:
    """Units in order, those of one speaker with a shorter pause between them as one."""
    joined: list[Turn] = []
    for span, speaker in units:
        if joined and joined[-1][1] == speaker and span.start - joined[-1][0].end < pause:
            joined[-1] = Span(joined[-1][0].start, max(span.end, joined[-1][0].end)), speaker
        else:
            joined.append((span, speaker))
    return joined
