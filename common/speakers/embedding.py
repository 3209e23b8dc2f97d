"""The sound of windows → their embeddings, a batch at a time: never more than a batch of sound in memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import BinaryIO

import numpy as np

from common.speakers.encoder import VoiceEncoder
from common.speakers.features import BANDS, HOP, RATE, SPAN, Floats, mel_frames
from common.speakers.windows import Span

_FRAMES = 160  # of a window, as the encoder was trained
_SAMPLES = (_FRAMES - 1) * HOP + SPAN
_BATCH = 24  # windows: 40 seconds of sound
_BYTES = 2  # of a sample
_LEVEL = 1e-3  # mean power that the encoder was trained on: −30 dBFS; quieter speech is made as loud
_LOUDEST_GAIN = 1e4


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
    """_FRAMES frames; those of a short window are repeated, since silence would sound like another voice."""
    frames = mel_frames(samples)
    if not len(frames):
        return np.zeros((_FRAMES, BANDS), np.float32)
    power = float(np.mean(np.square(samples)))
    gain = min(max(1.0, _LEVEL / max(power, 1e-12)), _LOUDEST_GAIN)
    return np.asarray(np.resize(frames * np.float32(gain), (_FRAMES, BANDS)), np.float32)
