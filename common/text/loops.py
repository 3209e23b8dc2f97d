"""Finds repetition loops: a decoder that is stuck writes the same words over and over."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

_LONGEST_UNIT = 40  # words
_NGRAMS = (1, 2, 4, 8)  # words in a row whose repetition may give the length of a round


@dataclass(frozen=True, slots=True)
class Loop:
    """Words `start` to `end` repeat the first `unit` words; only the first round is speech."""

    start: int
    end: int
    unit: int

    @property
    def rounds(self) -> int:
        return (self.end - self.start) // self.unit


def find_loops(words: Sequence[str], *, is_suspicious: Callable[[int, int], bool]) -> Iterator[Loop]:
    """The loops in `words`, in order, none inside another.

    `is_suspicious(start, end)` is whether there is other evidence against these words: then fewer rounds are
    enough. People do say "no, no, no, no"; they do not say one sentence five times in a row.
    """
    last_seen: dict[tuple[str, ...], int] = {}
    at = 0
    while at < len(words):
        loop = next((loop for n in _NGRAMS if (loop := _loop_at(words, at, n, last_seen))), None)
        if loop and loop.rounds >= _rounds_needed(loop, is_suspicious):
            yield loop
            at = loop.end
            last_seen.clear()
        else:
            for n in _NGRAMS:
                last_seen[tuple(words[at : at + n])] = at
            at += 1


def _loop_at(words: Sequence[str], at: int, n: int, last_seen: dict[tuple[str, ...], int]) -> Loop | None:
    """The loop whose second round starts at `at`, if `words[at:at + n]` occurred not long before."""
    last = last_seen.get(tuple(words[at : at + n]))
    if last is None or at - last > _LONGEST_UNIT:
        return None
    unit, end = at - last, at
    while end < len(words) and words[end] == words[end - unit]:
        end += 1
    if end < len(words):  # after the last whole round, speech may follow that begins like it
        end -= (end - last) % unit
    return Loop(last, end, unit) if end - last >= 2 * unit else None


def _rounds_needed(loop: Loop, is_suspicious: Callable[[int, int], bool]) -> int:
    if is_suspicious(loop.start, loop.end):
        return 6 if loop.unit == 1 else 4 if loop.unit == 2 else 3
    return 10 if loop.unit == 1 else 7 if loop.unit == 2 else 5
