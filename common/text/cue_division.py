"""Decides which words share a cue and a line: short lines, time to read, breaks where the meaning has one."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise

from common.text.cue_shape import CueShape
from common.text.cue_words import CueWord

_SENTENCE_END = re.compile(r"""[.!?…。！？؟।]["'»”’)\]」』]*$""")
_CLAUSE_END = re.compile(r"""[,;:，、；：،—–-]["'»”’)\]」』]*$""")
_TWO_SEGMENTS = 3.2  # the cost of two segments in one cue: only where alone they could not be read


def divide(words: Sequence[CueWord], shape: CueShape, limit: float) -> list[Sequence[CueWord]]:
    """The division of the words into cues with the lowest cost; `limit` is when the recording ends."""
    best: list[tuple[float, int]] = [(0.0, 0)] + [(float("inf"), 0)] * len(words)
    starts = [*(word.start for word in words), limit]
    breaks = [0.0, *(_break_cost(before, after) for before, after in pairwise(words)), 0.0]
    for i in range(len(words)):
        for j, width, within in _possible_ends(words, i, shape):
            cost = best[i][0] + within + 1.5 * breaks[j] + _cost(starts[j] - starts[i], width, shape)
            if cost < best[j][0]:
                best[j] = cost, i
    cuts = [len(words)]
    while cuts[-1]:
        cuts.append(best[cuts[-1]][1])
    cuts.reverse()
    return [words[a:b] for a, b in pairwise(cuts)]


def break_lines(words: Sequence[CueWord], shape: CueShape) -> list[Sequence[CueWord]]:
    """The words on as few lines as possible, of similar length, broken after punctuation where possible."""
    ways: dict[int, tuple[float, tuple[int, ...]]] = {0: (0.0, (0,))}
    for _ in range(shape.lines):
        ways = _add_line(words, ways, shape.line_length)
        if len(words) in ways:
            return [words[a:b] for a, b in pairwise(ways[len(words)][1])]
    return _fill_lines(words, shape.line_length)


def _possible_ends(words: Sequence[CueWord], i: int, shape: CueShape) -> Iterator[tuple[int, int, float]]:
    """Each possible end of a cue from word `i` on, its width, and what pauses and segments in it cost."""
    rows, row, width, within, before = 1, 0, 0, 0.0, words[i]
    until = before.start + shape.longest
    for j in range(i, len(words)):
        word = words[j]
        if j > i:
            pause = word.start - before.end - 1.0
            within += (pause if pause > 0 else 0.0) + _TWO_SEGMENTS * word.is_first
        needed = word.width + (word.has_space and row > 0)
        rows, row = (rows, row + needed) if row + needed <= shape.line_length else (rows + 1, word.width)
        width += needed
        if j > i and (rows > shape.lines or word.end > until or word.speaker != before.speaker):
            return
        yield j + 1, width, within
        before = word


def _cost(seconds: float, width: int, shape: CueShape) -> float:
    """Each cue costs 1, and more if it is nearly empty, too fast to read or short; it may last `seconds`."""
    seconds = max(0.001, min(shape.longest, seconds))
    emptiness = 1 - width / (shape.line_length * shape.lines)
    speed = width / seconds / shape.pace - 1
    cost = 1 + 2 * emptiness**2
    if speed > 0:
        cost += min(speed, 3)
    if seconds < shape.shortest:
        cost += 3 * (1 - seconds / shape.shortest)
    return cost


def _break_cost(before: CueWord, after: CueWord) -> float:
    """The cost of a break here: 0 after a sentence, 1 inside a phrase, 2 where it may be inside a word."""
    if after.is_first or _SENTENCE_END.search(before.text):
        return 0
    if _CLAUSE_END.search(before.text):
        return 0.4
    if not after.has_space:
        return 2
    # An article or a preposition belongs to the next word: better to break before it than after it.
    return (1.2 if before.width <= 3 else 1) - min(0.5, max(0.0, after.start - before.end))


def _add_line(
    words: Sequence[CueWord], ways: dict[int, tuple[float, tuple[int, ...]]], length: int
) -> dict[int, tuple[float, tuple[int, ...]]]:
    """The cheapest way to each word that one more line can end before."""
    further: dict[int, tuple[float, tuple[int, ...]]] = {}
    for i, (cost, cuts) in ways.items():
        width = 0
        for j in range(i + 1, len(words) + 1):
            width += words[j - 1].width + (words[j - 1].has_space and width > 0)
            if width > length and j > i + 1:
                break
            break_cost = _break_cost(words[j - 1], words[j]) if j < len(words) else 0
            way = (cost + (width / length) ** 2 + 0.2 * break_cost, (*cuts, j))
            further[j] = min(further.get(j, way), way)
    return further


def _fill_lines(words: Sequence[CueWord], length: int) -> list[Sequence[CueWord]]:
    """Lines as full as possible, for a cue that no division could keep small."""
    cuts, row = [0], 0
    for i, word in enumerate(words):
        needed = word.width + (word.has_space and row > 0)
        if row + needed > length and i > cuts[-1]:
            cuts.append(i)
            needed, row = word.width, 0
        row += needed
    return [words[a:b] for a, b in pairwise([*cuts, len(words)])]
