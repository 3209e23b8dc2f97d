"""A transcript cut into cues that can be read: short lines, enough time, broken where the sense allows."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

from common.models import Transcript
from common.text.lines import Token, lines, tokens

_SENTENCE_END = re.compile(r"""[.!?…。！？؟।]["'»”’)\]」』]*$""")
_CLAUSE_END = re.compile(r"""[,;:，、；：،—–-]["'»”’)\]」』]*$""")


@dataclass(frozen=True, slots=True)
class CueShape:
    """Bounds of a cue. Defaults as broadcasters set them; wide signs (Chinese, kana) count as two letters.

    https://www.bbc.co.uk/accessibility/forproducts/guides/subtitles/ (lengths, times, line breaks)
    """

    line_length: int = 42  # letters
    lines: int = 2
    longest: float = 7.0  # seconds
    shortest: float = 1.0  # seconds, where the next cue leaves them
    pace: float = 20.0  # letters a second, where the next cue leaves the time

    def __post_init__(self) -> None:
        whole = self.line_length >= 4 and self.lines >= 1
        if not whole or not 0 <= self.shortest <= self.longest or self.longest <= 0 or self.pace <= 0:
            raise ValueError(f"no cue fits these bounds: {self}")


@dataclass(frozen=True, slots=True)
class Cue:
    """What stands on the screen from `start` to `end`, in whole milliseconds."""

    start: int
    end: int
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Unit:
    """A word, or a piece of one that is longer than a line; `spaced` if a space goes before it."""

    text: str
    width: int
    start: float
    end: float
    spaced: bool


def cues(transcript: Transcript, shape: CueShape | None = None) -> list[Cue]:
    """The cues in order, none overlapping another, each word in exactly one."""
    shape = shape or CueShape()
    groups: list[Sequence[_Unit]] = []
    for line in lines(transcript):
        groups += _cut(list(_units(tokens(line), shape.line_length)), shape)
    return _timed(groups, shape)


# ── words ─────────────────────────────────────────────────────────────────────────────────────────


def _units(words: Iterable[Token], longest: int) -> Iterator[_Unit]:
    for word in words:
        text = " ".join(readable(word.text).split())
        pieces = [text] if _width(text) <= longest else _chopped(text, longest)
        step = (word.end - word.start) / max(1, len(pieces))
        for i, piece in enumerate(filter(None, pieces)):
            spaced = i == 0 and word.text[:1].isspace()
            yield _Unit(piece, _width(piece), word.start + i * step, word.start + (i + 1) * step, spaced)


def readable(text: str) -> str:
    """The text without control signs and half characters, which no subtitle format can carry."""
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


def _chopped(text: str, longest: int) -> list[str]:
    pieces, room = [""], longest
    for char in text:
        room -= _columns(char)
        if room < 0:
            pieces.append("")
            room = longest - _columns(char)
        pieces[-1] += char
    return [piece.strip() for piece in pieces]


# ── which words share a cue ───────────────────────────────────────────────────────────────────────


def _cut(units: Sequence[_Unit], shape: CueShape) -> list[Sequence[_Unit]]:
    """The cheapest way to cut one line of speech into cues that fit."""
    best: list[tuple[float, int]] = [(0.0, 0)] + [(float("inf"), 0)] * len(units)
    for i in range(len(units)):
        for j, cost in _fitting(units, i, shape):
            best[j] = min(best[j], (best[i][0] + cost, i))
    cuts = [len(units)]
    while cuts[-1]:
        cuts.append(best[cuts[-1]][1])
    cuts.reverse()
    return [units[a:b] for a, b in pairwise(cuts)]


def _fitting(units: Sequence[_Unit], i: int, shape: CueShape) -> Iterator[tuple[int, float]]:
    """Where a cue that begins with unit `i` may end, and what that costs."""
    rows, row, letters, pauses = 1, 0, 0, 0.0
    for j in range(i, len(units)):
        unit = units[j]
        if j > i:
            pauses += max(0.0, unit.start - units[j - 1].end - 1.0)
        needed = unit.width + (unit.spaced and row > 0)
        rows, row = (rows, row + needed) if row + needed <= shape.line_length else (rows + 1, unit.width)
        letters += needed
        if j > i and (rows > shape.lines or unit.end - units[i].start > shape.longest):
            return
        yield j + 1, _cost(units, i, j, letters, shape) + pauses


def _cost(units: Sequence[_Unit], i: int, j: int, letters: int, shape: CueShape) -> float:
    """A cue costs something, more if it is short, hurried, or ends where the sense goes on."""
    until = units[j + 1].start if j + 1 < len(units) else units[j].end + 1.0
    seconds = max(0.001, until - units[i].start)
    emptiness = 1 - letters / (shape.line_length * shape.lines)
    hurry = max(0.0, letters / seconds / shape.pace - 1)
    brief = max(0.0, 1 - seconds / shape.shortest) if shape.shortest else 0.0
    end = 0.0 if j + 1 == len(units) else _breaking(units[j], units[j + 1])
    return 1 + 2 * emptiness**2 + min(hurry, 3) + 3 * brief + 1.5 * end


def _breaking(before: _Unit, after: _Unit) -> float:
    """How much it hurts to break here: 0 after a sentence, 1 inside a phrase, 2 perhaps inside a word."""
    if _SENTENCE_END.search(before.text):
        return 0
    if _CLAUSE_END.search(before.text):
        return 0.4
    if not after.spaced:
        return 2
    # An article or preposition belongs to what follows: better before it than after it.
    return (1.2 if before.width <= 3 else 1) - min(0.5, max(0.0, after.start - before.end))


# ── lines and times ───────────────────────────────────────────────────────────────────────────────


def _laid_out(units: Sequence[_Unit], length: int) -> tuple[str, ...]:
    """The words on as few lines as hold them, evenly, broken after punctuation where possible."""
    ways: dict[int, tuple[float, tuple[int, ...]]] = {0: (0.0, (0,))}
    while len(units) not in ways:
        ways = _one_line_more(units, ways, length)
    cuts = ways[len(units)][1]
    return tuple(_text(units[a:b]) for a, b in pairwise(cuts))


def _one_line_more(
    units: Sequence[_Unit], ways: dict[int, tuple[float, tuple[int, ...]]], length: int
) -> dict[int, tuple[float, tuple[int, ...]]]:
    """The best way to each unit that one more line can reach."""
    further: dict[int, tuple[float, tuple[int, ...]]] = {}
    for i, (cost, cuts) in ways.items():
        width = 0
        for j in range(i + 1, len(units) + 1):
            width += units[j - 1].width + (units[j - 1].spaced and width > 0)
            if width > length and j > i + 1:
                break
            breaking = _breaking(units[j - 1], units[j]) if j < len(units) else 0
            way = (cost + (width / length) ** 2 + 0.2 * breaking, (*cuts, j))
            further[j] = min(further.get(j, way), way)
    return further


def _text(units: Sequence[_Unit]) -> str:
    return "".join(f" {unit.text}" if unit.spaced else unit.text for unit in units).strip()


def _timed(groups: Sequence[Sequence[_Unit]], shape: CueShape) -> list[Cue]:
    """Each cue from its first word on, as long as reading takes, till the next one at the latest."""
    starts = list(accumulate((round(group[0].start * 1000) for group in groups), lambda a, b: max(a + 1, b)))
    timed = []
    for group, start, limit in zip(groups, starts, [*starts[1:], None], strict=False):
        reading = sum(unit.width + unit.spaced for unit in group) / shape.pace
        spoken = max(unit.end for unit in group) - start / 1000
        seconds = min(shape.longest, max(spoken, reading, shape.shortest))
        end = start + max(1, round(seconds * 1000))
        timed.append(
            Cue(start, end if limit is None else min(end, limit), _laid_out(group, shape.line_length))
        )
    return timed
