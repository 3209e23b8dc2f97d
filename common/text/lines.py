"""A segment with the words that were timed in it, and those words placed in its text.

The unit that merging, suppressing and cutting into cues work on: text says how words are written,
`Word`s say when they were spoken, and no engine promises that the two are spelled alike.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from itertools import accumulate

from common.models import Segment, Transcript, Word
from common.text.tokens import letters, normal, split

_SLACK = 0.25  # of a segment's length: how far off an estimated time inside it may be
_MOST_SLACK = 3.0  # seconds


@dataclass(frozen=True, slots=True)
class Line:
    """One segment and the words timed in it, both on one clock, in seconds."""

    segment: Segment
    words: tuple[Word, ...] = ()


@dataclass(frozen=True, slots=True)
class Token:
    """One word of a line's text, with its times in seconds.

    `slack` is 0 where the engine timed it, else how many seconds the estimate may be off.
    `words` are those whose letters begin in it.
    """

    text: str
    norm: str
    start: float
    end: float
    slack: float = 0.0
    words: tuple[Word, ...] = ()

    @property
    def middle(self) -> float:
        return (self.start + self.end) / 2


@dataclass(slots=True)
class _Span:
    """Where the words put a token; what stays open is estimated from its neighbours."""

    start: float | None = None
    end: float | None = None
    words: list[Word] = field(default_factory=list)


def lines(transcript: Transcript) -> list[Line]:
    """The transcript's segments with their words; what has text but no segments becomes one line."""
    segments = transcript.segments or _as_one(transcript)
    words = [word for word in transcript.words or () if word.word.strip()]
    return [Line(s, own) for s, own in zip(segments, _share(segments, words), strict=True)]


def tokens(line: Line) -> list[Token]:
    """The words of the line's text in order; together their texts are its text, but for space at its end."""
    texts = split(line.segment.text)
    norms = [normal(text) for text in texts]
    spans = _by_letters(texts, line.words) or _by_likeness(norms, line.words)
    return list(_timed(texts, norms, spans, line.segment))


def _as_one(transcript: Transcript) -> tuple[Segment, ...]:
    if not transcript.text.strip():
        return ()
    words = transcript.words
    start, end = (words[0].start, words[-1].end) if words else (0.0, transcript.duration)
    return (Segment(id=0, start=start, end=max(start, end), text=transcript.text),)


def _share(segments: Sequence[Segment], words: Sequence[Word]) -> list[tuple[Word, ...]]:
    """Each segment's words: by counting letters where the spelling agrees, else by time."""
    if not segments or not words:
        return [()] * len(segments)
    ends = list(accumulate(len(letters(segment.text)) for segment in segments))
    sizes = [len(letters(word.word)) for word in words]
    homes = _by_start(segments, words)
    if ends[-1] == sum(sizes):
        for i, (size, reach) in enumerate(zip(sizes, accumulate(sizes), strict=True)):
            homes[i] = bisect_right(ends, reach - size) if size else homes[i]
    homes = list(accumulate((min(max(home, 0), len(segments) - 1) for home in homes), max))
    cuts = [bisect_right(homes, i) for i in range(len(segments))]
    return [tuple(words[a:b]) for a, b in zip([0, *cuts], cuts, strict=False)]


def _by_start(segments: Sequence[Segment], words: Sequence[Word]) -> list[int]:
    starts = list(accumulate((segment.start for segment in segments), max))
    return [bisect_right(starts, (word.start + word.end) / 2) - 1 for word in words]


def _by_letters(texts: Sequence[str], words: Sequence[Word]) -> list[_Span] | None:
    """Exact, where text and words are the same letters, however differently they are cut."""
    spelled = [letters(text) for text in texts]
    heard = [letters(word.word) for word in words]
    if not words or "".join(spelled) != "".join(heard):
        return None
    ends = list(accumulate(map(len, spelled)))
    spans = [_Span() for _ in texts]
    for word, size, reach in zip(words, map(len, heard), accumulate(map(len, heard)), strict=True):
        home = min(bisect_right(ends, reach - size), len(spans) - 1)
        spans[home].words.append(word)
        for token, at, upto in _reached(ends, home, reach - size, reach):
            left, right = (word.end - (word.end - word.start) * (reach - x) / size for x in (at, upto))
            spans[token].start = left if spans[token].start is None else spans[token].start
            spans[token].end = right
    return spans


def _reached(ends: Sequence[int], token: int, at: int, reach: int) -> Iterator[tuple[int, int, int]]:
    """Every token that the letters `at` to `reach` lie in, with the letters that lie in it."""
    while at < reach:
        upto = min(reach, ends[token])
        yield token, at, upto
        at, token = upto, token + 1


def _by_likeness(norms: Sequence[str], words: Sequence[Word]) -> list[_Span]:
    """Where spellings differ: words that are alike lend their times, the rest stay between them."""
    spans = [_Span() for _ in norms]
    if not spans:
        return spans
    matcher = SequenceMatcher(None, norms, [normal(word.word) for word in words], autojunk=False)
    home, heard = 0, 0
    for i, j, size in matcher.get_matching_blocks():
        for word in words[heard:j]:
            spans[home].words.append(word)
        for k in range(size):
            word = words[j + k]
            spans[i + k] = _Span(word.start, word.end, [*spans[i + k].words, word])
        home, heard = max(home, i + size - 1), j + size
    return spans


def _timed(
    texts: Sequence[str], norms: Sequence[str], spans: Sequence[_Span], segment: Segment
) -> Iterator[Token]:
    """Each token with a time: its own, or its share by length of the stretch between timed neighbours."""
    at, clock = 0, segment.start
    while at < len(texts):
        upto = next((i for i in range(at, len(texts)) if spans[i].start is not None), len(texts))
        until = segment.end if upto == len(texts) else spans[upto].start
        yield from _estimated(texts[at:upto], norms[at:upto], spans[at:upto], clock, max(clock, until or 0.0))
        if upto < len(texts):
            span = spans[upto]
            clock = max(clock, span.end or 0.0)
            start, end = span.start or 0.0, span.end or 0.0
            yield Token(texts[upto], norms[upto], start, end, 0.0, tuple(span.words))
        at = upto + 1


def _estimated(
    texts: Sequence[str], norms: Sequence[str], spans: Sequence[_Span], start: float, end: float
) -> Iterator[Token]:
    letters = sum(map(len, texts)) or 1
    slack = min(_MOST_SLACK, max(0.1, _SLACK * (end - start)))
    done = 0
    for text, norm, span in zip(texts, norms, spans, strict=True):
        begun, done = done, done + len(text)
        first, last = (start + (end - start) * share / letters for share in (begun, done))
        yield Token(text, norm, first, last, slack, tuple(span.words))
