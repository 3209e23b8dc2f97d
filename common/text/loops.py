"""Repetition loops: a decoder that got stuck writes the same words over and over."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

_LONGEST_UNIT = 40  # words
_CLUES = (1, 2, 4, 8)  # how many words in a row, seen again, may tell the length of a round


@dataclass(frozen=True, slots=True)
class Loop:
    """Words `start` to `end` are `unit` words said again and again; only the first round is speech."""

    start: int
    end: int
    unit: int

    @property
    def rounds(self) -> int:
        return (self.end - self.start) // self.unit


def find_loops(words: Sequence[str], *, suspect: Callable[[int, int], bool]) -> Iterator[Loop]:
    """The loops in `words`, in order, none inside another.

    `suspect(start, end)` says whether something else, too, speaks against these words: then fewer
    rounds are enough. People do say "no, no, no, no"; they do not say one sentence five times in a row.
    """
    seen: dict[tuple[str, ...], int] = {}
    at = 0
    while at < len(words):
        loop = next((found for n in _CLUES if (found := _loop_at(words, at, n, seen))), None)
        if loop and loop.rounds >= _enough(loop, suspect):
            yield loop
            at = loop.end
            seen.clear()
        else:
            for n in _CLUES:
                seen[tuple(words[at : at + n])] = at
            at += 1


def _loop_at(words: Sequence[str], at: int, n: int, seen: dict[tuple[str, ...], int]) -> Loop | None:
    """The run that repeats what was last said before `words[at:at + n]` came again."""
    last = seen.get(tuple(words[at : at + n]))
    if last is None or at - last > _LONGEST_UNIT:
        return None
    unit, end = at - last, at
    while end < len(words) and words[end] == words[end - unit]:
        end += 1
    if end < len(words):  # what follows the last whole round may be speech that begins alike
        end -= (end - last) % unit
    return Loop(last, end, unit) if end - last >= 2 * unit else None


def _enough(loop: Loop, suspect: Callable[[int, int], bool]) -> int:
    if suspect(loop.start, loop.end):
        return 6 if loop.unit == 1 else 4 if loop.unit == 2 else 3
    return 10 if loop.unit == 1 else 7 if loop.unit == 2 else 5
