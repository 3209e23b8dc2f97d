"""Divides a transcript into readable cues: short lines, enough time, breaks where the meaning allows them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

from common.models import Transcript
from common.text.lines import Token, lines_of, tokens_of

_SENTENCE_END = re.compile(r"""[.!?…。！？؟।]["'»”’)\]」』]*$""")
_CLAUSE_END = re.compile(r"""[,;:，、；：،—–-]["'»”’)\]」』]*$""")


@dataclass(frozen=True, slots=True)
class CueShape:
    """Limits of a cue. The defaults are those of broadcasters; wide characters (Chinese, kana) count as two.

    https://www.bbc.co.uk/accessibility/forproducts/guides/subtitles/ (lengths, times, line breaks)
    """

    line_length: int = 42  # characters
    lines: int = 2
    longest: float = 7.0  # seconds
    shortest: float = 1.0  # seconds, unless the next cue starts earlier
    pace: float = 20.0  # characters a second, unless the next cue starts earlier

    def __post_init__(self) -> None:
        has_room = self.line_length >= 4 and self.lines >= 1
        if not has_room or not 0 <= self.shortest <= self.longest or self.longest <= 0 or self.pace <= 0:
            raise ValueError(f"no cue fits these limits: {self}")


@dataclass(frozen=True, slots=True)
class Cue:
    """The lines on the screen from `start` to `end`, in whole milliseconds."""

    start: int
    end: int
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Unit:
    """A word, or a part of one that is longer than a line; `has_space`: a space goes before it."""

    text: str
    width: int
    start: float
    end: float
    has_space: bool


def make_cues(transcript: Transcript, shape: CueShape | None = None) -> list[Cue]:
    """The cues in order; no two overlap, and each word is in exactly one."""
    shape = shape or CueShape()
    groups: list[Sequence[_Unit]] = []
    for line in lines_of(transcript):
        groups += _divide(list(_units(tokens_of(line), shape.line_length)), shape)
    return _add_times(groups, shape)


# ── words ─────────────────────────────────────────────────────────────────────────────────────────


def _units(words: Iterable[Token], longest: int) -> Iterator[_Unit]:
    for word in words:
        text = " ".join(replace_unprintable(word.text).split())
        parts = [text] if _width(text) <= longest else _split_long(text, longest)
        step = (word.end - word.start) / max(1, len(parts))
        for i, part in enumerate(filter(None, parts)):
            has_space = i == 0 and word.text[:1].isspace()
            yield _Unit(part, _width(part), word.start + i * step, word.start + (i + 1) * step, has_space)


def replace_unprintable(text: str) -> str:
    """The text without control characters and half surrogates, which no subtitle format can hold."""
    return "".join(
        " " if char.isspace() else "\ufffd" if "\ud800" <= char <= "\udfff" else char
        for char in text
        if char.isspace() or unicodedata.category(char) != "Cc"
    )


def _width(text: str) -> int:
    if text.isascii():
        return len(text)
    return sum(map(_columns, text))


def _columns(char: str) -> int:
    if unicodedata.combining(char):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def _split_long(text: str, longest: int) -> list[str]:
    parts, free = [""], longest
    for char in text:
        free -= _columns(char)
        if free < 0:
            parts.append("")
            free = longest - _columns(char)
        parts[-1] += char
    return [part.strip() for part in parts]


# ── which words share a cue ───────────────────────────────────────────────────────────────────────


def _divide(units: Sequence[_Unit], shape: CueShape) -> list[Sequence[_Unit]]:
    """The division of one line of speech into cues with the lowest cost."""
    best: list[tuple[float, int]] = [(0.0, 0)] + [(float("inf"), 0)] * len(units)
    for i in range(len(units)):
        for j, cost in _possible_ends(units, i, shape):
            best[j] = min(best[j], (best[i][0] + cost, i))
    cuts = [len(units)]
    while cuts[-1]:
        cuts.append(best[cuts[-1]][1])
    cuts.reverse()
    return [units[a:b] for a, b in pairwise(cuts)]


def _possible_ends(units: Sequence[_Unit], i: int, shape: CueShape) -> Iterator[tuple[int, float]]:
    """Each possible end of a cue that starts with unit `i`, and the cost of that cue."""
    rows, row, width, pauses = 1, 0, 0, 0.0
    for j in range(i, len(units)):
        unit = units[j]
        if j > i:
            pauses += max(0.0, unit.start - units[j - 1].end - 1.0)
        needed = unit.width + (unit.has_space and row > 0)
        rows, row = (rows, row + needed) if row + needed <= shape.line_length else (rows + 1, unit.width)
        width += needed
        if j > i and (rows > shape.lines or unit.end - units[i].start > shape.longest):
            return
        yield j + 1, _cost(units, i, j, width, shape) + pauses


def _cost(units: Sequence[_Unit], i: int, j: int, width: int, shape: CueShape) -> float:
    """Each cue costs 1, and more if it is short, too fast to read, or ends inside a phrase."""
    until = units[j + 1].start if j + 1 < len(units) else units[j].end + 1.0
    seconds = max(0.001, until - units[i].start)
    emptiness = 1 - width / (shape.line_length * shape.lines)
    speed = max(0.0, width / seconds / shape.pace - 1)
    brevity = max(0.0, 1 - seconds / shape.shortest) if shape.shortest else 0.0
    end = 0.0 if j + 1 == len(units) else _break_cost(units[j], units[j + 1])
    return 1 + 2 * emptiness**2 + min(speed, 3) + 3 * brevity + 1.5 * end


def _break_cost(before: _Unit, after: _Unit) -> float:
    """The cost of a break here: 0 after a sentence, 1 inside a phrase, 2 where it may be inside a word."""
    if _SENTENCE_END.search(before.text):
        return 0
    if _CLAUSE_END.search(before.text):
        return 0.4
    if not after.has_space:
        return 2
    # An article or a preposition belongs to the next word: better to break before it than after it.
    return (1.2 if before.width <= 3 else 1) - min(0.5, max(0.0, after.start - before.end))


# ── lines and times ───────────────────────────────────────────────────────────────────────────────


def _break_lines(units: Sequence[_Unit], length: int) -> tuple[str, ...]:
    """The words on as few lines as possible, of similar length, broken after punctuation where possible."""
    ways: dict[int, tuple[float, tuple[int, ...]]] = {0: (0.0, (0,))}
    while len(units) not in ways:
        ways = _add_line(units, ways, length)
    cuts = ways[len(units)][1]
    return tuple(_text(units[a:b]) for a, b in pairwise(cuts))


def _add_line(
    units: Sequence[_Unit], ways: dict[int, tuple[float, tuple[int, ...]]], length: int
) -> dict[int, tuple[float, tuple[int, ...]]]:
    """The cheapest way to each unit that one more line can end before."""
    further: dict[int, tuple[float, tuple[int, ...]]] = {}
    for i, (cost, cuts) in ways.items():
        width = 0
        for j in range(i + 1, len(units) + 1):
            width += units[j - 1].width + (units[j - 1].has_space and width > 0)
            if width > length and j > i + 1:
                break
            break_cost = _break_cost(units[j - 1], units[j]) if j < len(units) else 0
            way = (cost + (width / length) ** 2 + 0.2 * break_cost, (*cuts, j))
            further[j] = min(further.get(j, way), way)
    return further


def _text(units: Sequence[_Unit]) -> str:
    return "".join(f" {unit.text}" if unit.has_space else unit.text for unit in units).strip()


def _add_times(groups: Sequence[Sequence[_Unit]], shape: CueShape) -> list[Cue]:
    """Each cue starts with its first word and lasts as long as reading takes, at most until the next cue."""
    starts = list(accumulate((round(group[0].start * 1000) for group in groups), lambda a, b: max(a + 1, b)))
    cues = []
    for group, start, limit in zip(groups, starts, [*starts[1:], None], strict=False):
        reading = sum(unit.width + unit.has_space for unit in group) / shape.pace
        spoken = max(unit.end for unit in group) - start / 1000
        seconds = min(shape.longest, max(spoken, reading, shape.shortest))
        end = start + max(1, round(seconds * 1000))
        cues.append(
            Cue(start, end if limit is None else min(end, limit), _break_lines(group, shape.line_length))
        )
    return cues
