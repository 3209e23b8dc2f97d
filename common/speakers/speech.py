"""Where speech is that has no words: what a voice activity detector hears between them.

It hears what the engine did not understand, as of people far from the microphone. Where words are, their own
times say more.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import BinaryIO, Protocol

import numpy as np

from common.speakers.features import RATE, Floats
from common.speakers.vad import CHUNK
from common.speakers.windows import SHORTEST, Span, join_spans

# The detector's own values.
_LIKELY, _UNLIKELY = 0.5, 0.35  # where speech begins and ends
_CHUNK = CHUNK / RATE  # seconds
_BLOCK = 500 * CHUNK  # samples that are in memory at once: 16 seconds
_LEAST = 0.25  # seconds of speech
_SILENCE = 0.1  # seconds of silence that end it
_MARGIN = 0.03  # seconds that speech is longer on either side than the detector is sure of
_BYTES = 2  # of a sample


class Detector(Protocol):
    """Something that hears blocks of sound in order; `common.speakers.vad` in numpy."""

    def hear(self, samples: Floats) -> Floats:
        """How likely each CHUNK of samples is speech."""


def find_speech(pcm: BinaryIO, detector: Detector) -> list[Span]:
    """The stretches of speech in 16-bit samples, in seconds from their beginning."""
    spoken: list[Span] = []
    start: float | None = None
    at = 0.0
    for probability in _probabilities(pcm, detector):
        if start is None and probability >= _LIKELY:
            start = at
        elif start is not None and probability < _UNLIKELY:
            spoken.append(Span(start, at))
            start = None
        at += _CHUNK
    if start is not None:
        spoken.append(Span(start, at))
    return [
        Span(max(0.0, start - _MARGIN), end + _MARGIN)
        for start, end in join_spans(spoken, _SILENCE)
        if end - start >= _LEAST
    ]


def _probabilities(pcm: BinaryIO, detector: Detector) -> Iterator[float]:
    pcm.seek(0)
    while raw := pcm.read(_BLOCK * _BYTES):
        samples = np.frombuffer(raw[: len(raw) // _BYTES * _BYTES], "<i2").astype(np.float32)
        yield from detector.hear(samples / np.float32(32_768)).tolist()


def between_words(speech: Iterable[Span], words: Sequence[Span]) -> list[Span]:
    """The stretches of `speech` in which there is no word, but for those too short to tell a voice.

    Both are in order.
    """
    left: list[Span] = []
    first = 0
    for start, end in speech:
        while first < len(words) and words[first].end <= start:
            first += 1
        at = start
        for word in words[first:]:
            if word.start >= end:
                break
            left.append(Span(at, word.start))
            at = max(at, word.end)
        left.append(Span(at, end))
    return [span for span in left if span.end - span.start >= SHORTEST]
