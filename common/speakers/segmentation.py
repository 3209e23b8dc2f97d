"""Who of up to three people speaks when within ten seconds, two at once included.

pyannote's segmentation 3.0 (arXiv:2310.13025) in numpy alone.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from common.speakers.features import RATE, Floats
from common.speakers.lstm import TwoWayLSTM
from common.speakers.sinc_net import VALUES, SincNet, rectify_leakily

SECONDS = 10.0  # of sound that it hears at a time
FRAME = 270 / RATE  # seconds from one frame to the next
FIRST = 495 / RATE  # the middle of the first frame, which covers 991 samples

FRAMES = 589  # of those seconds
_LAYERS = 4

# Who speaks by each of the seven answers: nobody, one of three, two of three.
_SPEAKERS = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 0], [1, 0, 1], [0, 1, 1]], np.bool_)
VOICES = 3


class Segmentation:
    """Hears each ten seconds by themselves: its first speaker of one chunk may be the second of another."""

    def __init__(self, weights: Mapping[str, Floats]) -> None:
        self._sinc_net = SincNet(weights)
        self._layers = [TwoWayLSTM(weights, layer) for layer in range(_LAYERS)]
        self._linear = [_linear_of(weights, name) for name in ("linear.0", "linear.1", "classifier")]

    def hear(self, samples: Floats) -> Floats:
        """(chunk, 160000) samples (−1 to 1) → (chunk, frame, 7) logarithms of probabilities.

        Twelve chunks at a time take a quarter less than six each, and more gain little.
        """
        values = np.empty((FRAMES, len(samples), VALUES), np.float32)
        for at, chunk in enumerate(samples):
            values[:, at] = self._sinc_net(chunk)
        for layer in self._layers:
            values = layer(values)
        *hidden, (matrix, bias) = self._linear
        for inner, shift in hidden:
            values = rectify_leakily(values @ inner + shift)
        return _log_softmax(values @ matrix + bias).transpose(1, 0, 2)


def activity(log_probabilities: Floats) -> NDArray[np.bool_]:
    """(chunk, frame, 7) → (chunk, frame, 3): which of the three speak by the likeliest answer."""
    return np.asarray(_SPEAKERS[log_probabilities.argmax(axis=-1)], np.bool_)


def _linear_of(weights: Mapping[str, Floats], name: str) -> tuple[Floats, Floats]:
    bias = weights[f"{name}.bias"]
    return np.ascontiguousarray(weights[f"{name}.weight"].reshape(len(bias), -1).T), bias


def _log_softmax(values: Floats) -> Floats:
    values = values - values.max(axis=-1, keepdims=True)
    return np.asarray(values - np.log(np.exp(values).sum(axis=-1, keepdims=True)), np.float32)
