"""Where the voice encoder listens: windows over speech, which words or the VAD find. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

WINDOW = 1.6  # seconds: all thresholds were chosen by embeddings of so much speech
STEP = 0.8
SHORTEST = 0.3  # seconds: a shorter stretch says too little of a voice

_PAUSE = 0.25  # seconds: a longer pause may hold a change of speaker, so no window spans one
_LATE = 0.4  # seconds: a last window that ends so little after the one before it would say nothing new


class Span(NamedTuple):
    """A stretch of the recording, in seconds."""

    start: float
    end: float


def speech_of(words: Iterable[Span]) -> list[Span]:
    """The stretches of speech between pauses; words are in order."""
    return [span for span in join_spans(words, _PAUSE) if span.end - span.start >= SHORTEST]


def join_spans(spans: Iterable[Span], pause: float) -> list[Span]:
    """Spans in order, those with a shorter pause between them as one."""
    joined: list[Span] = []
    for start, end in spans:
        if joined and start - joined[-1].end < pause:
            joined[-1] = Span(joined[-1].start, max(end, joined[-1].end))
        else:
            joined.append(Span(start, end))
    return joined


def windows_of(speech: Sequence[Span]) -> list[Span]:
    """Windows of equal length over each stretch, which overlap by half; a short stretch is one window."""
    return [window for span in speech for window in _windows_in(span)]


def _windows_in(span: Span) -> Iterator[Span]:
    start = span.start
    while span.end - start > WINDOW:
        yield Span(start, start + WINDOW)
        start += STEP
    rest = span.end - start
    if start == span.start:
        yield span
    elif rest > WINDOW - STEP + _LATE:
        yield Span(span.end - WINDOW, span.end)


def within(spans: Iterable[Span], start: float, end: float) -> list[Span]:
    """The spans that begin within a stretch, cut at its end."""
    return [Span(span.start, min(span.end, end)) for span in spans if start <= span.start < end]
