"""Sound → the features that the voice encoder was trained on: Kaldi's log mel filter bank, in numpy. Pure.

80 bands from 20 Hz to 8 kHz, 25 ms every 10 ms, Povey's window, pre-emphasis, no dither.
"""

from __future__ import annotations

from functools import cache
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float32]
Doubles: TypeAlias = NDArray[np.float64]

RATE = 16_000
HOP = 160  # samples from one frame to the next
SPAN = 400  # samples that a frame covers
BANDS = 80

_BINS = 512  # of the Fourier transform: the next power of two
_LOWEST_HZ = 20.0
_PRE_EMPHASIS = 0.97
_FLOOR = float(np.finfo(np.float32).eps)


def mel_frames(samples: Floats) -> Floats:
    """The frames that lie wholly within `samples` (−1 to 1): one each HOP samples, of BANDS values."""
    if len(samples) < SPAN:
        return np.zeros((0, BANDS), np.float32)
    spans = np.lib.stride_tricks.sliding_window_view(samples, SPAN)[::HOP].astype(np.float64)
    spans -= spans.mean(axis=1, keepdims=True)
    spans[:, 1:] -= _PRE_EMPHASIS * spans[:, :-1]
    spans[:, 0] *= 1 - _PRE_EMPHASIS
    power = np.abs(np.fft.rfft(spans * _window(), _BINS, axis=1)) ** 2
    return np.asarray(np.log(np.maximum(power @ _filters().T, _FLOOR)), np.float32)


@cache
def _window() -> Doubles:
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(SPAN) / (SPAN - 1))
    return np.asarray(hann**0.85, np.float64)


@cache
def _filters() -> Doubles:
    """Triangles over the bins of the spectrum, straight on the mel scale, a row a band."""
    bins = _to_mel(np.arange(_BINS // 2 + 1) * RATE / _BINS)
    edges = np.linspace(_to_mel(np.array(_LOWEST_HZ)), _to_mel(np.array(RATE / 2)), BANDS + 2)
    lower, centre, upper = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    rising, falling = (bins - lower) / (centre - lower), (upper - bins) / (upper - centre)
    return np.asarray(np.maximum(0, np.minimum(rising, falling)), np.float64)


def _to_mel(hz: NDArray[np.float64]) -> Doubles:
    return np.asarray(1127.0 * np.log1p(hz / 700.0), np.float64)
