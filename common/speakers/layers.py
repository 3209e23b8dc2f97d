"""Layers that the parts of the voice encoder share: weights as they lie in the file → matrices for numpy."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from common.speakers.features import Floats

Weights = Mapping[str, Floats]

_EPSILON = 1e-5  # PyTorch's of a batch normalisation


def scale_and_shift(weights: Weights, name: str) -> tuple[Floats, Floats]:
    """A batch normalisation as what it multiplies by and what it adds; one without weights only centres."""
    scale = 1 / np.sqrt(weights[f"{name}.running_var"] + np.float32(_EPSILON))
    scale = scale * weights.get(f"{name}.weight", np.float32(1))
    shift = weights.get(f"{name}.bias", np.float32(0)) - weights[f"{name}.running_mean"] * scale
    return np.asarray(scale, np.float32), np.asarray(shift, np.float32)


class Activation:
    """Batch normalisation, then ReLU, of values (channel, …)."""

    def __init__(self, weights: Weights, name: str) -> None:
        scale, shift = scale_and_shift(weights, name)
        self._scale, self._shift = scale[:, None], shift[:, None]

    def __call__(self, values: Floats) -> Floats:
        scaled = values * self._scale
        scaled += self._shift
        return rectify(scaled)


class RectifiedLinear:
    """Batch normalisation, ReLU, then a matrix; one pass over the values instead of three.

    ReLU(s·x + b) = |s|·max(±x, −b/|s|) + b, with the sign of s: all but the max goes into the matrix.
    """

    def __init__(self, weights: Weights, name: str, matrix: Floats, after: Floats | float = 0.0) -> None:
        """`after` is added to what the matrix gives."""
        scale, shift = scale_and_shift(weights, name)
        size = np.maximum(np.abs(scale), np.float32(1e-12))
        self._lowest, self._negative = (-shift / size)[:, None], np.flatnonzero(scale < 0)
        self._matrix, self._shift = matrix * size, (matrix @ shift + after)[:, None]

    def __call__(self, values: Floats) -> Floats:
        bounded = np.maximum(values, self._lowest)
        if len(self._negative):
            bounded[self._negative] = np.maximum(-values[self._negative], self._lowest[self._negative])
        output = np.asarray(self._matrix @ bounded, np.float32)
        output += self._shift
        return output


def rectify(values: Floats) -> Floats:
    """ReLU, in place."""
    np.maximum(values, 0, out=values)
    return values
