"""The sound of windows → their embeddings, a batch at a time: never more than a batch of sound in memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import BinaryIO

import numpy as np

from common.speakers.encoder import VoiceEncoder
from common.speakers.features import BANDS, HOP, RATE, SPAN, Floats, mel_frames
from common.speakers.windows import Span

_FRAMES = 160  # of a window
_SAMPLES = (_FRAMES - 1) * HOP + SPAN
_BATCH = 4  # windows: 6 seconds of sound; more need more memory and are no faster
_BYTES = 2  # of a sample


def embed_windows(pcm: BinaryIO, windows: Sequence[Span], encoder: VoiceEncoder) -> Iterator[Floats]:
    """One embedding each window, in order; `pcm` holds 16-bit samples on the clock of the windows."""
    for first in range(0, len(windows), _BATCH):
        batch = windows[first : first + _BATCH]
        yield from encoder.embed(np.stack([_frames_of(_read(pcm, window)) for window in batch]))


def _read(pcm: BinaryIO, window: Span) -> Floats:
    # Half a frame less a hop on either side, so that whole frames fill the window.
    margin = (SPAN - HOP) // 2
    first = max(0, round(window.start * RATE) - margin)
    count = min(round((window.end - window.start) * RATE) + 2 * margin, _SAMPLES)
    pcm.seek(first * _BYTES)
    raw = pcm.read(count * _BYTES)
    samples = np.frombuffer(raw[: len(raw) // _BYTES * _BYTES], "<i2")
    return samples.astype(np.float32) / np.float32(32_768)


def _frames_of(samples: Floats) -> Floats:
    """_FRAMES frames without their mean, which is the microphone's; those of a short window are repeated."""
    frames = mel_frames(samples)
    if not len(frames):
        return np.zeros((_FRAMES, BANDS), np.float32)
    return np.asarray(np.resize(frames - frames.mean(axis=0), (_FRAMES, BANDS)), np.float32)
