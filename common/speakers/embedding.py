"""The sound of windows → their embeddings, a batch at a time: never more than a batch of sound in memory.

A window whose sound two others hold that are alike is not listened to: it has the mean of their embeddings.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import BinaryIO

import numpy as np

from common.speakers.encoder import VoiceEncoder
from common.speakers.features import BANDS, HOP, RATE, SPAN, Floats, mel_frames
from common.speakers.samples import read_samples
from common.speakers.windows import Span, held_by_others

_FRAMES = 160  # of a window
_SAMPLES = (_FRAMES - 1) * HOP + SPAN
_BATCH = 4  # windows: 6 seconds of sound; more need more memory and are no faster
_ALIKE = 0.55  # similarity: windows that share no sound and are more alike hold one voice


def embed_windows(
    pcm: BinaryIO, windows: Sequence[Span], encoder: VoiceEncoder, *, at: float = 0.0
) -> Iterator[tuple[Span, Floats]]:
    """Each window with its embedding, in no order; `pcm` holds 16-bit samples from the second `at` on."""
    held = held_by_others(windows)
    known: dict[Span, Floats] = {}
    for window, embedding in _listen(pcm, _without(windows, held), encoder, at):
        known[window] = embedding
        yield window, embedding
    unlike: list[Span] = []
    for number in held:
        before, after = known[windows[number - 1]], known[windows[number + 1]]
        if before @ after < _ALIKE:
            unlike.append(windows[number])
        else:
            yield windows[number], (before + after) / np.linalg.norm(before + after)
    yield from _listen(pcm, unlike, encoder, at)


def _without(windows: Sequence[Span], numbers: Iterable[int]) -> list[Span]:
    left_out = set(numbers)
    return [window for number, window in enumerate(windows) if number not in left_out]


def _listen(
    pcm: BinaryIO, windows: Sequence[Span], encoder: VoiceEncoder, at: float
) -> Iterator[tuple[Span, Floats]]:
    for first in range(0, len(windows), _BATCH):
        batch = windows[first : first + _BATCH]
        frames = [_frames_of(_read(pcm, start - at, end - at)) for start, end in batch]
        yield from zip(batch, encoder.embed(np.stack(frames)), strict=True)


def _read(pcm: BinaryIO, start: float, end: float) -> Floats:
    # Half a frame less a hop on either side, so that whole frames fill the window.
    margin = (SPAN - HOP) // 2
    first = max(0, round(start * RATE) - margin)
    count = min(round((end - start) * RATE) + 2 * margin, _SAMPLES)
    return read_samples(pcm, first, count)


def _frames_of(samples: Floats) -> Floats:
    """_FRAMES frames without their mean, which is the microphone's; those of a short window are repeated."""
    frames = mel_frames(samples)
    if not len(frames):
        return np.zeros((_FRAMES, BANDS), np.float32)
    return np.asarray(np.resize(frames - frames.mean(axis=0), (_FRAMES, BANDS)), np.float32)
