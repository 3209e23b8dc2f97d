"""Sound → 60 values each 17 ms: SincNet (arXiv:1808.00158), filters of a low and a high edge and two convolutions.

Kernels are rows of a view of the sound, without a copy: rows that begin a kernel's length apart or more.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from common.speakers.features import RATE, Floats

VALUES = 60
_BANDS = 40  # each with an even and an odd filter
_TAPS, _HOP = 251, 10
_KERNEL = 5
_POOL = 3
_LOWEST_HZ = _NARROWEST_HZ = 50.0
_EPSILON = np.float32(1e-5)  # PyTorch's of a normalisation


class SincNet:
    """Of one chunk of sound after another."""

    def __init__(self, weights: Mapping[str, Floats]) -> None:
        self._norms = [_norm_of(weights, name) for name in ("wav_norm1d", *(f"norm1d.{i}" for i in range(3)))]
        self._filters = np.ascontiguousarray(_filters(weights).T)
        self._kernels = [
            (_matrix_of(weights, "conv1d.1", 2 * _BANDS), weights["sincnet.conv1d.1.bias"]),
            (_matrix_of(weights, "conv1d.2", VALUES), weights["sincnet.conv1d.2.bias"]),
        ]

    def __call__(self, samples: Floats) -> Floats:
        """(sample,) → (frame, VALUES)"""
        first, *norms = self._norms
        sound = _normalise(samples[:, None], first)
        is_silent = samples.min() == samples.max()
        pooled = _pooled(sound, self._filters, _HOP, np.abs)
        if is_silent:
            pooled[:] = pooled[0]
        values = rectify_leakily(_normalise(pooled, norms[0]))
        for (matrix, bias), norm in zip(self._kernels, norms[1:], strict=True):
            pooled = _pooled(values, matrix, 1)
            pooled += bias
            if is_silent:
                pooled[:] = pooled[0]
            values = rectify_leakily(_normalise(pooled, norm))
        return values


def rectify_leakily(values: Floats) -> Floats:
    """What is below zero becomes a hundredth of itself, in place."""
    return np.maximum(values, np.float32(0.01) * values, out=values)


def _pooled(values: Floats, matrix: Floats, hop: int, then=None) -> Floats:
    """A convolution of (step, value) each `hop` steps, and the greatest of each three of its results."""
    width = values.shape[1]
    span = len(matrix) // width
    count = ((len(values) - span) // hop + 1) // _POOL
    found = np.empty((count, matrix.shape[1]), np.float32)
    # Kernels a period apart do not overlap, so that they are the rows of a matrix.
    period = -(-span // (hop * _POOL))
    flat = values.reshape(-1)
    for phase in range(period):
        rows = -(-(count - phase) // period)
        best = None
        for part in range(_POOL):
            start = (phase * _POOL + part) * hop * width
            view = np.lib.stride_tricks.as_strided(
                flat[start:],
                (rows, len(matrix)),
                (period * _POOL * hop * width * flat.itemsize, flat.itemsize),
                writeable=False,
            )
            product = view @ matrix
            if then:
                then(product, out=product)
            best = product if best is None else np.maximum(best, product, out=best)
        found[phase::period] = best
    return found


def _filters(weights: Mapping[str, Floats]) -> Floats:
    """(filter, tap): what lies between two frequencies, once as a cosine and once as a sine."""
    place = "sincnet.conv1d.0.filterbank."
    low = _LOWEST_HZ + np.abs(weights[f"{place}low_hz_"])
    high = np.clip(low + _NARROWEST_HZ + np.abs(weights[f"{place}band_hz_"]), _LOWEST_HZ, RATE / 2)
    band = (high - low)[:, None]
    turns = weights[f"{place}n_"]
    window = weights[f"{place}window_"]
    low_turns, high_turns = np.outer(low, turns), np.outer(high, turns)
    even = (np.sin(high_turns) - np.sin(low_turns)) / (turns / 2) * window
    odd = (np.cos(low_turns) - np.cos(high_turns)) / (turns / 2) * window
    even = np.concatenate([even, 2 * band, even[:, ::-1]], axis=1)
    odd = np.concatenate([odd, np.zeros_like(band), -odd[:, ::-1]], axis=1)
    return np.asarray(np.concatenate([even, odd]) / np.tile(2 * band, (2, 1)), np.float32)


def _matrix_of(weights: Mapping[str, Floats], name: str, channels: int) -> Floats:
    """The kernel (output, input, step) as a matrix of (step, input) and output."""
    kernel = weights[f"sincnet.{name}.weight"].reshape(VALUES, channels, _KERNEL)
    return np.ascontiguousarray(kernel.transpose(2, 1, 0).reshape(-1, VALUES))


def _norm_of(weights: Mapping[str, Floats], name: str) -> tuple[Floats, Floats]:
    return weights[f"sincnet.{name}.weight"], weights[f"sincnet.{name}.bias"]


def _normalise(values: Floats, norm: tuple[Floats, Floats]) -> Floats:
    """(step, value) with the mean and spread over the steps that the training gave it."""
    weight, bias = norm
    centred = values - values.mean(axis=0, dtype=np.float64).astype(np.float32)
    spread = np.sqrt(np.square(centred).mean(axis=0, dtype=np.float64) + _EPSILON)
    centred *= (weight / spread).astype(np.float32)
    centred += bias
    return centred
