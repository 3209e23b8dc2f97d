"""Decides when a cue comes and goes: time to see and read it, never two at once, none past the end."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain, pairwise

from common.text.cue_shape import TWO_FRAMES, CueShape
from common.text.cue_words import CueWord

Group = Sequence[CueWord]


def add_times(groups: Sequence[Group], shape: CueShape, limit: float) -> list[tuple[int, int, Group]]:
    """Start and end of each cue in milliseconds, with its words.

    A cue starts with its first word and lasts as long as reading takes, at most until the next one starts.
    None is shorter than two frames, none shorter than `shape.shortest` unless the next follows at once, and
    none goes past `limit` seconds, unless the whole recording is shorter than two frames.
    """
    end = max(TWO_FRAMES, int(limit * 1000))
    last = min(end, max(TWO_FRAMES, round(shape.shortest * 1000)))
    groups = _merge_surplus(groups, most=1 + (end - last) // TWO_FRAMES)
    starts = _starts(groups, end, last, shape)
    return [
        (start, _end(group, start, following, end, shape), group)
        for group, start, following in zip(groups, starts, [*starts, end][1:], strict=True)
    ]


def _merge_surplus(groups: Sequence[Group], most: int) -> list[Group]:
    """At most so many groups as the recording has room for: more than that nobody could have spoken."""
    if len(groups) <= most:
        return list(groups)
    cuts = [i * len(groups) // most for i in range(most + 1)]
    return [list(chain.from_iterable(groups[a:b])) for a, b in pairwise(cuts)]


def _starts(groups: Sequence[Group], end: int, last: int, shape: CueShape) -> list[int]:
    """When each group starts: at its first word, later where the one before needs two frames, earlier where
    those that follow would not fit before the end."""
    starts: list[int] = []
    for group in groups:
        earliest = starts[-1] + TWO_FRAMES if starts else 0
        starts.append(max(earliest, round(group[0].start * 1000)))
    latest, wished = end - last, end - last
    for i in reversed(range(len(groups))):
        if starts[i] > latest:
            silent_from = round(groups[i - 1][-1].end * 1000) if i else 0
            starts[i] = min(latest, max(wished, silent_from, i * TWO_FRAMES))
        latest, wished = starts[i] - TWO_FRAMES, starts[i] - round(shape.shortest * 1000)
    return starts


def _end(group: Group, start: int, following: int, limit: int, shape: CueShape) -> int:
    reading = sum(word.width + word.has_space for word in group) / shape.pace
    spoken = max(word.end for word in group) - start / 1000
    seconds = min(shape.longest, max(spoken, reading, shape.shortest))
    end = start + max(TWO_FRAMES, round(seconds * 1000))
    # A gap of a frame only makes the screen flicker.
    is_flicker = following < limit and 0 < following - end < TWO_FRAMES
    return following if is_flicker and following - start <= shape.longest * 1000 else min(end, following)
