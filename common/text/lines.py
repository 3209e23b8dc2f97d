"""Lines (a segment with its timed words) and tokens (a word of the segment's text with its times).

Merging, hallucinations and cues work on these. A segment's text says how words are written, a `Word` says
when it was spoken, and no engine promises that both have the same spelling.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from itertools import accumulate

from common.models import Segment, Transcript, Word
from common.text.tokens import letters, normalise, split_words

_SLACK = 0.25  # of a segment's length: the error of an estimated time inside it
_LARGEST_SLACK = 3.0  # seconds


@dataclass(frozen=True, slots=True)
class Line:
    """One segment and the words timed in it, both on one clock, in seconds."""

    segment: Segment
    words: tuple[Word, ...] = ()


@dataclass(frozen=True, slots=True)
class Token:
    """One word of a line's text, with its times in seconds.

    `slack` is 0 where the engine timed it, else the possible error of the estimate in seconds.
    `words` are the engine's words whose first letter is in it.
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
    """The times of a token, from its words; where they are None, its neighbours give an estimate."""

    start: float | None = None
    end: float | None = None
    words: list[Word] = field(default_factory=list)


def lines_of(transcript: Transcript) -> list[Line]:
    """The transcript's segments with their words; text without segments becomes one line."""
    segments = transcript.segments or _whole_text(transcript)
    words = [word for word in transcript.words or () if word.word.strip()]
    shares = _assign_words(segments, words)
    return [Line(segment, share) for segment, share in zip(segments, shares, strict=True)]


def tokens_of(line: Line) -> list[Token]:
    """The words of the line's text in order; joined they are its text, except for spaces at its end."""
    texts = split_words(line.segment.text)
    norms = [normalise(text) for text in texts]
    spans = _align_by_letters(texts, line.words) or _align_by_similarity(norms, line.words)
    return list(_add_times(texts, norms, spans, line.segment))


def _whole_text(transcript: Transcript) -> tuple[Segment, ...]:
    if not transcript.text.strip():
        return ()
    words = transcript.words
    start, end = (words[0].start, words[-1].end) if words else (0.0, transcript.duration)
    return (Segment(id=0, start=start, end=max(start, end), text=transcript.text),)


def _assign_words(segments: Sequence[Segment], words: Sequence[Word]) -> list[tuple[Word, ...]]:
    """Each segment's words: by counting letters where both have the same letters, else by time."""
    if not segments or not words:
        return [()] * len(segments)
    ends = list(accumulate(len(letters(segment.text)) for segment in segments))
    sizes = [len(letters(word.word)) for word in words]
    owners = _owners_by_time(segments, words)
    if ends[-1] == sum(sizes):
        for i, (size, reach) in enumerate(zip(sizes, accumulate(sizes), strict=True)):
            owners[i] = bisect_right(ends, reach - size) if size else owners[i]
    owners = list(accumulate((min(max(owner, 0), len(segments) - 1) for owner in owners), max))
    cuts = [bisect_right(owners, i) for i in range(len(segments))]
    return [tuple(words[a:b]) for a, b in zip([0, *cuts], cuts, strict=False)]


def _owners_by_time(segments: Sequence[Segment], words: Sequence[Word]) -> list[int]:
    """For each word the index of its segment."""
    starts = list(accumulate((segment.start for segment in segments), max))
    return [bisect_right(starts, (word.start + word.end) / 2) - 1 for word in words]


def _align_by_letters(texts: Sequence[str], words: Sequence[Word]) -> list[_Span] | None:
    """Exact times, where text and words have the same letters, however they are divided; else None."""
    text_letters = [letters(text) for text in texts]
    word_letters = [letters(word.word) for word in words]
    if not texts or not words or "".join(text_letters) != "".join(word_letters):
        return None
    ends = list(accumulate(map(len, text_letters)))
    sizes = list(map(len, word_letters))
    spans = [_Span() for _ in texts]
    for word, size, reach in zip(words, sizes, accumulate(sizes), strict=True):
        first = min(bisect_right(ends, reach - size), len(spans) - 1)
        spans[first].words.append(word)
        for token, at, upto in _tokens_between(ends, first, reach - size, reach):
            left, right = (word.end - (word.end - word.start) * (reach - x) / size for x in (at, upto))
            spans[token].start = left if spans[token].start is None else spans[token].start
            spans[token].end = right
    return spans


def _tokens_between(ends: Sequence[int], token: int, at: int, reach: int) -> Iterator[tuple[int, int, int]]:
    """Every token that contains some of the letters `at` to `reach`, with those that it contains."""
    while at < reach:
        upto = min(reach, ends[token])
        yield token, at, upto
        at, token = upto, token + 1


def _align_by_similarity(norms: Sequence[str], words: Sequence[Word]) -> list[_Span]:
    """Where spellings differ: equal words give their times, the others are assigned between them."""
    spans = [_Span() for _ in norms]
    if not spans:
        return spans
    matcher = SequenceMatcher(None, norms, [normalise(word.word) for word in words], autojunk=False)
    token, assigned = 0, 0
    for i, j, size in matcher.get_matching_blocks():
        for word in words[assigned:j]:
            spans[token].words.append(word)
        for k in range(size):
            word = words[j + k]
            spans[i + k] = _Span(word.start, word.end, [*spans[i + k].words, word])
        token, assigned = max(token, i + size - 1), j + size
    return spans


def _add_times(
    texts: Sequence[str], norms: Sequence[str], spans: Sequence[_Span], segment: Segment
) -> Iterator[Token]:
    """Each token with its own times, or with its share (by length) of the time between timed neighbours."""
    at, clock = 0, segment.start
    while at < len(texts):
        upto = next((i for i in range(at, len(texts)) if spans[i].start is not None), len(texts))
        until = segment.end if upto == len(texts) else spans[upto].start
        yield from _estimate_times(
            texts[at:upto], norms[at:upto], spans[at:upto], clock, max(clock, until or 0.0)
        )
        if upto < len(texts):
            span = spans[upto]
            clock = max(clock, span.end or 0.0)
            start, end = span.start or 0.0, span.end or 0.0
            yield Token(texts[upto], norms[upto], start, end, 0.0, tuple(span.words))
        at = upto + 1


def _estimate_times(
    texts: Sequence[str], norms: Sequence[str], spans: Sequence[_Span], start: float, end: float
) -> Iterator[Token]:
    length = sum(map(len, texts)) or 1
    slack = min(_LARGEST_SLACK, max(0.1, _SLACK * (end - start)))
    done = 0
    for text, norm, span in zip(texts, norms, spans, strict=True):
        before, done = done, done + len(text)
        first, last = (start + (end - start) * share / length for share in (before, done))
        yield Token(text, norm, first, last, slack, tuple(span.words))
