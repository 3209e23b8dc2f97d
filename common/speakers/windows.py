"""Where the voice encoder listens: windows over speech, which words or the segmentation find. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

WINDOW = 1.6  # seconds: all thresholds were chosen by embeddings of so much speech
STEP = 0.8
SHORTEST = 0.3  # seconds: a shorter stretch says too little of a voice

_PAUSE = 0.25  # seconds: a longer pause may hold a change of speaker, so no window spans one
_LATE = 0.4  # seconds: a last window that ends so little after the one before it would say nothing new
_SLIGHTLY = 0.001  # seconds
_OWN_TURN = 0.5  # seconds: so much speech without words is listened to by itself


class Span(NamedTuple):
    """A stretch of the recording, in seconds."""

    start: float
    end: float


def speech_of(words: Sequence[Span], wordless: Iterable[Span] = ()) -> list[Span]:
    """The stretches of speech between pauses, in order; so are both that are given, which do not overlap.

    A short one without words goes with the words that it touches, those before it rather than those after.
    """
    spans = join_pauses(words)
    before = {span.end: number for number, span in enumerate(spans)}
    after = {span.start: number for number, span in enumerate(spans)}
    for start, end in wordless:
        is_short = end - start < _OWN_TURN
        if is_short and (number := before.get(start)) is not None:
            spans[number] = Span(spans[number].start, end)
        elif is_short and (number := after.get(end)) is not None:
            spans[number] = Span(start, spans[number].end)
        else:
            spans.append(Span(start, end))
    return sorted(span for span in spans if span.end - span.start >= SHORTEST)


def join_pauses(words: Iterable[Span]) -> list[Span]:
    """Words in order, those without a pause between them as one."""
    return join_spans(words, _PAUSE)


def join_spans(spans: Iterable[Span], pause: float) -> list[Span]:
    """Spans in order, those with a shorter pause between them as one."""
    joined: list[Span] = []
    for start, end in spans:
        if joined and start - joined[-1].end < pause:
            joined[-1] = Span(joined[-1].start, max(end, joined[-1].end))
        else:
            joined.append(Span(start, end))
    return joined


def windows_of(speech: Iterable[Span]) -> list[Span]:
    """Windows of equal length over each stretch, which overlap by half; a short stretch is one window."""
    return [window for span in speech for window in _windows_in(span)]


def _windows_in(span: Span) -> Iterator[Span]:
    start, rest = span.start, span.end - span.start
    yield Span(start, min(start + WINDOW, span.end))
    while rest > WINDOW + _LATE:
        rest -= STEP
        start = span.end - WINDOW if rest <= WINDOW else start + STEP
        yield Span(start, start + WINDOW)


def held_by_others(windows: Sequence[Span]) -> list[int]:
    """Every other window of those whose sound the windows before and after hold; windows are in order."""
    held: list[int] = []
    for number in range(1, len(windows) - 1):
        is_held = windows[number - 1].end > windows[number + 1].start - _SLIGHTLY
        if is_held and (not held or held[-1] < number - 1):
            held.append(number)
    return held
