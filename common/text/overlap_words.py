"""The words of two pieces around their overlap, without what an engine gets wrong near the edge of a piece.

There it writes words for which it finds no sound, and it leaves out seconds and stretches a word over them.
Both show in the times, and in what the other piece heard meanwhile.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import count, groupby

from common.text.lines import Line, Token, tokens_of

_NEAR = 1.0  # seconds; so far from its edge a piece has such words, and so near the other one has others
_GUESSED = 3  # words that have one instant
_LONGEST = 1.5  # seconds in which a person says any word
_LETTER = 0.1  # seconds


@dataclass(frozen=True, slots=True)
class OverlapWord:
    """A token of one side: 0 left, 1 right.

    `depth` is its distance in seconds from its own side's edge, `reach` from the other side's edge. `place`
    is its index among all tokens of both sides. `is_first` and `is_last` are about its line.
    """

    token: Token
    side: int
    line: int
    place: int
    is_first: bool
    is_last: bool
    depth: float
    reach: float


def overlap_words(lines: Sequence[Line], border: int, *, begin: float, end: float) -> list[OverlapWord]:
    """The lines before `border` are of the left piece, which ends at `end`; the right one starts at `begin`.

    A word is left out that its piece has no sound for where the other piece has words. One that lies over
    several words of the other piece gets the length of a word.
    """
    words = list(_all_words(lines, border, begin, end))
    guesses = _guesses(words)
    sure = [word for word in words if word.place not in guesses]
    counts = [_count_heard([word.token for word in sure if word.side != side]) for side in (0, 1)]
    heard = [word for word in words if word.place not in guesses or not counts[word.side](word.token, _NEAR)]
    return [_shorten(word) if counts[word.side](word.token, 0.0) > 1 else word for word in heard]


def _all_words(lines: Sequence[Line], border: int, begin: float, end: float) -> Iterator[OverlapWord]:
    place = count()
    for i, line in enumerate(lines):
        side, tokens = int(i >= border), tokens_of(line)
        for k, token in enumerate(tokens):
            edges = token.start - begin, end - token.end
            yield OverlapWord(
                token, side, i, next(place), k == 0, k == len(tokens) - 1, edges[1 - side], edges[side]
            )


def _guesses(words: Sequence[OverlapWord]) -> set[int]:
    """The places of words that end together near where their piece begins, or begin together near its end."""
    runs = [list(run) for _, run in groupby(words, key=lambda word: (word.side, _inner_time(word)))]
    return {
        word.place
        for run in runs
        if len(run) >= _GUESSED and min(word.depth for word in run) < _NEAR
        for word in run
        if not word.token.slack
    }


def _inner_time(word: OverlapWord) -> float:
    """That of its two times which is farther from its piece's edge."""
    return word.token.end if word.side else word.token.start


def _count_heard(tokens: Sequence[Token]) -> Callable[[Token, float], int]:
    """Counts the tokens that sound during another one, or within `beside` seconds of it."""
    starts = sorted(token.start for token in tokens)
    ends = sorted(token.end for token in tokens)

    def count_within(token: Token, beside: float) -> int:
        return bisect_left(starts, token.end + beside) - bisect_left(ends, token.start - beside)

    return count_within


def _shorten(word: OverlapWord) -> OverlapWord:
    """A word that is longer than anybody says it keeps the time that is farther from its piece's edge."""
    token = word.token
    if token.end - token.start <= _LONGEST or token.slack or not token.norm.isalpha():
        return word
    length = _LETTER * max(2, len(token.norm))
    start, end = (token.end - length, token.end) if word.side else (token.start, token.start + length)
    depth = word.depth + token.end - token.start - length
    return replace(word, token=replace(token, start=start, end=end), depth=depth)
