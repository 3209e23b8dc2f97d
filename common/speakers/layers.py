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


def rectify(values: Floats) -> Floats:
    """ReLU, in place."""
    np.maximum(values, 0, out=values)
    return values
