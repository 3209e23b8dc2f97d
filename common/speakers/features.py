"""Sound → the mel spectrogram that the voice encoder was trained on: librosa's, in numpy. Pure.

40 bands up to 8 kHz of power, not of decibels; 25 ms every 10 ms, Hann, Slaney's scale and areas.
"""

from __future__ import annotations

from functools import cache
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float32]

RATE = 16_000
HOP = 160  # samples from one frame to the next
SPAN = 400  # samples that a frame covers
BANDS = 40

# Slaney's scale: linear up to 1 kHz, then logarithmic.
_LINEAR_HZ = 200.0 / 3
_BREAK_HZ = 1000.0
_BREAK_MEL = _BREAK_HZ / _LINEAR_HZ
_LOG_STEP = np.log(6.4) / 27.0


def mel_frames(samples: Floats) -> Floats:
    """The frames that lie wholly within `samples` (−1 to 1): one each HOP samples, of BANDS values."""
    if len(samples) < SPAN:
        return np.zeros((0, BANDS), np.float32)
    spans = np.lib.stride_tricks.sliding_window_view(samples, SPAN)[::HOP]
    power = np.abs(np.fft.rfft(spans * _window(), axis=1)) ** 2
    return np.asarray(power @ _filters().T, np.float32)


@cache
def _window() -> Floats:
    return np.asarray(0.5 - 0.5 * np.cos(2 * np.pi * np.arange(SPAN) / SPAN), np.float32)


@cache
def _filters() -> Floats:
    """Triangles of equal area over the bins of the spectrum, a row a band."""
    bins = np.linspace(0, RATE / 2, SPAN // 2 + 1)
    edges = _to_hz(np.linspace(0, _to_mel(RATE / 2), BANDS + 2))
    lower, centre, upper = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    rising, falling = (bins - lower) / (centre - lower), (upper - bins) / (upper - centre)
    triangles = np.maximum(0, np.minimum(rising, falling))
    return np.asarray(triangles * 2 / (upper - lower), np.float32)


def _to_mel(hz: float) -> float:
    return float(_BREAK_MEL + np.log(hz / _BREAK_HZ) / _LOG_STEP)


def _to_hz(mels: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(mels < _BREAK_MEL, mels * _LINEAR_HZ, _BREAK_HZ * np.exp(_LOG_STEP * (mels - _BREAK_MEL)))
