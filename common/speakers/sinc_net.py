"""Sound → 60 values each 17 ms: SincNet (arXiv:1808.00158), filters of the sound, then two convolutions.

Parts of the sound that lie so far apart that they do not overlap are the rows of a matrix, without a copy.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from common.speakers.features import RATE, Floats

VALUES = 60
_BANDS = 40  # each with an even and an odd filter
_HOP = 10  # samples from one kernel of the filters to the next
_TAPS = 5  # of a kernel of the convolutions
_POOL = 3  # results of which only the greatest stays
_LOWEST_HZ = _NARROWEST_HZ = np.float32(50)
_EPSILON = 1e-5  # PyTorch's of a normalisation


class SincNet:
    """Hears a chunk of sound at a time."""

    def __init__(self, weights: Mapping[str, Floats]) -> None:
        self._sound = _Norm.of(weights, "wav_norm1d")
        norms = [_Norm.of(weights, f"norm1d.{layer}") for layer in range(3)]
        no_bias = np.zeros(2 * _BANDS, np.float32)
        self._layers = [
            _Layer(np.ascontiguousarray(_filters(weights).T), no_bias, norms[0], of_sound=True),
            _Layer(_matrix_of(weights, 1, 2 * _BANDS), weights["sincnet.conv1d.1.bias"], norms[1]),
            _Layer(_matrix_of(weights, 2, VALUES), weights["sincnet.conv1d.2.bias"], norms[2]),
        ]

    def __call__(self, samples: Floats) -> Floats:
        """(sample,) → (frame, VALUES)"""
        is_constant = samples.min() == samples.max()
        values = self._sound(samples[:, None])
        for layer in self._layers:
            pooled = layer.pool(values)
            if is_constant:
                pooled[:] = pooled[0]  # else the norms would make noise of how each row was rounded
            values = rectify_leakily(layer.norm(pooled))
        return values


def rectify_leakily(values: Floats) -> Floats:
    """What is below zero becomes a hundredth of itself, in place."""
    np.maximum(values, np.float32(0.01) * values, out=values)
    return values


@dataclass(frozen=True)
class _Norm:
    """Gives each value the mean and the spread over a chunk that the training chose."""

    spread: Floats
    mean: Floats

    @classmethod
    def of(cls, weights: Mapping[str, Floats], name: str) -> _Norm:
        return cls(weights[f"sincnet.{name}.weight"], weights[f"sincnet.{name}.bias"])

    def __call__(self, values: Floats) -> Floats:
        """Of (step, value); sums of so many steps need 64 bits."""
        centred = np.asarray(values - values.mean(axis=0, dtype=np.float64), np.float32)
        spread = np.sqrt(np.square(centred).mean(axis=0, dtype=np.float64) + _EPSILON)
        centred *= (self.spread / spread).astype(np.float32)
        centred += self.mean
        return centred


@dataclass(frozen=True)
class _Layer:
    """A convolution, the greatest of each three of its results, and the norm that follows."""

    matrix: Floats  # (step and value of a kernel, result)
    bias: Floats
    norm: _Norm
    of_sound: bool = False  # whether it has the filters: with a hop, and only the size of a result counts

    def pool(self, values: Floats) -> Floats:
        """(step, value) → (pool, result)"""
        hop, (steps, width) = _HOP if self.of_sound else 1, values.shape
        size, results = self.matrix.shape
        taps = size // width
        found = np.full((((steps - taps) // hop + 1) // _POOL, results), -np.inf, np.float32)
        kernels = np.lib.stride_tricks.sliding_window_view(values.reshape(-1), size)[:: hop * width]
        period = -(-taps // (hop * _POOL))  # pools from one to the next that shares no step with it
        for kernel in range(period * _POOL):
            target = found[kernel // _POOL :: period]
            product = kernels[kernel :: period * _POOL][: len(target)] @ self.matrix
            if self.of_sound:
                np.abs(product, out=product)
            np.maximum(target, product, out=target)
        found += self.bias
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


def _matrix_of(weights: Mapping[str, Floats], layer: int, channels: int) -> Floats:
    """The kernel (output, input, step) as a matrix of (step, input) and output."""
    kernel = weights[f"sincnet.conv1d.{layer}.weight"].reshape(VALUES, channels, _TAPS)
    return np.ascontiguousarray(kernel.transpose(2, 1, 0).reshape(-1, VALUES))
