"""Gives the words of a corrected text their times: equal words keep theirs, the others share the gap between.

Pure. Times are seconds on the recording's clock.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

from common.models import Word
from common.text.alignment import Pair, align_equal
from common.text.tokens import letters, normalise, split_words

_A_LETTER = 0.04  # seconds: what a new word gets for each of its letters where the old ones leave no gap
_MOST_PAIRS = 20_000  # far more than a paragraph has; a text of one word repeated has many


@dataclass(slots=True)
class _Span:
    """The time of one old word, which may give some of it to new words beside it."""

    start: float
    end: float

    @property
    def spare(self) -> float:
        return (self.end - self.start) / 2


def time_words(text: str, old: Sequence[Word], *, start: float, end: float) -> tuple[Word, ...]:
    """The words of `text`, which is spoken from `start` to `end`; `old` were recognised there, in order."""
    texts = split_words(text)
    pairs = _pairs([normalise(each) for each in texts], [normalise(each.word) for each in old])
    kept = [_Span(*_within(old[j], start, end)) for _, j in pairs]
    spans: list[tuple[float, float]] = []
    edges: list[tuple[int, _Span | None]] = [
        (-1, None),
        *zip((i for i, _ in pairs), kept, strict=True),
        (len(texts), None),
    ]
    for (i, before), (k, after) in pairwise(edges):
        new = texts[i + 1 : k]
        left, right = _make_room(new, before, after, start, end)
        spans += [(before.start, before.end)] if before else []
        spans += _share(new, left, right)
    return tuple(Word(word=word, start=a, end=b) for word, (a, b) in zip(texts, _rising(spans), strict=True))


def _pairs(new: Sequence[str], old: Sequence[str]) -> list[Pair]:
    """Indexes of equal words. What is equal at both ends, mostly nearly all, costs no comparison."""
    same = min(len(new), len(old))
    head = next((i for i in range(same) if new[i] != old[i]), same)
    most = same - head
    tail = next((i for i in range(most) if new[-1 - i] != old[-1 - i]), most)
    middle = align_equal(new[head : len(new) - tail], old[head : len(old) - tail], most_pairs=_MOST_PAIRS)
    return [
        *((i, i) for i in range(head)),
        *((head + i, head + j) for i, j in middle),
        *((len(new) - tail + i, len(old) - tail + i) for i in range(tail)),
    ]


def _within(word: Word, start: float, end: float) -> tuple[float, float]:
    left = min(max(word.start, start), end)
    return left, min(max(word.end, left), end)


def _make_room(
    new: Sequence[str], before: _Span | None, after: _Span | None, start: float, end: float
) -> tuple[float, float]:
    """Where new words go: the gap between two old ones, which give up to half of theirs where it is short."""
    left = before.end if before else start
    right = max(left, after.start if after else end)
    missing = sum(map(_size, new)) * _A_LETTER - (right - left)
    if before and missing > 0:
        taken = min(missing, before.spare)
        before.end -= taken
        left, missing = left - taken, missing - taken
    if after and missing > 0:
        taken = min(missing, after.spare)
        after.start += taken
        right += taken
    return left, right


def _share(texts: Sequence[str], left: float, right: float) -> list[tuple[float, float]]:
    sizes = [_size(text) for text in texts]
    cuts = [left + (right - left) * done / max(1, sum(sizes)) for done in accumulate(sizes, initial=0)]
    return list(pairwise(round(cut, 3) for cut in cuts))


def _size(text: str) -> int:
    return max(1, len(letters(text)))


def _rising(spans: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """None starts before the end of the one before it."""
    clock, rising = 0.0, []
    for start, end in spans:
        left = max(clock, start)
        clock = max(left, end)
        rising.append((left, clock))
    return rising
