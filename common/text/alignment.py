"""Finds the words that two texts share, in order; of two transcripts of one moment also by their times."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from common.text.lines import Token

Pair = tuple[int, int]

_DRIFT = 1.0  # seconds by which the times of one word may differ


def align(a: Sequence[Token], b: Sequence[Token], *, begin: float, end: float) -> list[Pair]:
    """Pairs of indexes into `a` and `b`, rising on both sides; both cover `begin` to `end` (seconds)."""
    indexes: dict[str, list[int]] = defaultdict(list)
    for j, token in enumerate(b):
        if token.start - token.slack < end + _DRIFT:
            indexes[token.norm].append(j)
    chain = _Chain(len(b))
    for i, token in enumerate(a):
        if token.end + token.slack > begin - _DRIFT:
            row = [(j, _weight(token, b[j], begin, end)) for j in indexes[token.norm]]
            chain.add(i, [(j, weight) for j, weight in row if weight])
    return chain.best()


def align_equal(a: Sequence[str], b: Sequence[str], *, most_pairs: int) -> list[Pair]:
    """The longest common subsequence; nothing where more than `most_pairs` would have to be compared."""
    indexes: dict[str, list[int]] = defaultdict(list)
    for j, item in enumerate(b):
        indexes[item].append(j)
    if sum(len(indexes[item]) for item in a if item in indexes) > most_pairs:
        return []
    chain = _Chain(len(b))
    for i, item in enumerate(a):
        chain.add(i, [(j, 1.0) for j in indexes.get(item, ())])
    return chain.best()


def _weight(left: Token, right: Token, begin: float, end: float) -> float:
    """Up to 1 for equal words that may be the same, more the closer they are; 0 if they cannot be.

    A word that the other side has only in part weighs little: else "no, no" before a cut and "no, no" after
    it would pair up as two words, although they share only one.
    """
    slack = left.slack + right.slack
    distance = abs(left.middle - right.middle)
    outside = (left.start < begin - left.slack) + (right.end > end + right.slack)
    if distance > _DRIFT + slack or outside == 2:
        return 0
    return (1 - 0.9 * distance / (_DRIFT + slack)) * (0.1 if outside else 1)


class _Chain:
    """The heaviest rising chain over sparse pairs (Hunt and Szymanski 1977): a Fenwick tree of best ends."""

    def __init__(self, width: int) -> None:
        self._links: list[tuple[int, int, int]] = []  # i, j, the link before
        self._tree: list[tuple[float, int]] = [(0.0, -1)] * (width + 1)

    def add(self, i: int, row: Iterable[tuple[int, float]]) -> None:
        """All the pairs of one `i`; rows come in rising order."""
        extended = [(j, weight, *self._before(j)) for j, weight in row]
        for j, weight, score, link in extended:
            self._links.append((i, j, link))
            self._put(j, score + weight)

    def best(self) -> list[Pair]:
        link = self._before(len(self._tree) - 1)[1]
        pairs: list[Pair] = []
        while link >= 0:
            i, j, link = self._links[link]
            pairs.append((i, j))
        return pairs[::-1]

    def _before(self, j: int) -> tuple[float, int]:
        best = (0.0, -1)
        while j > 0:
            best = max(best, self._tree[j])
            j &= j - 1
        return best

    def _put(self, j: int, score: float) -> None:
        entry = (score, len(self._links) - 1)
        j += 1
        while j < len(self._tree):
            self._tree[j] = max(self._tree[j], entry)
            j += j & -j
