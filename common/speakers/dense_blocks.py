"""The second part of the voice encoder: densely connected layers over time (D-TDNN of CAM++), in numpy.

Each layer sees what all before it made, and weighs its output by the sound around (context-aware masking).
"""

from __future__ import annotations

import numpy as np

from common.speakers.features import BANDS, Floats
from common.speakers.layers import Activation, RectifiedLinear, Weights, rectify, scale_and_shift

_ENTRY = 128  # channels
_GROWTH = 32  # channels that a layer adds
_NARROW = 128  # channels within a layer
_CONTEXT = 100  # frames of a stretch whose mean is a layer's context

# The layers of each block, and how many frames lie between what a kernel covers.
_BLOCKS = ((12, 1), (24, 2), (16, 2))


class DenseBlocks:
    """Three blocks; each is followed by a layer that halves the channels."""

    def __init__(self, weights: Weights) -> None:
        self._entry = _Entry(weights)
        self._blocks = [
            (
                [_Layer(weights, f"xvector.block{i}.tdnnd{j}", gap) for j in range(1, count + 1)],
                _Exit(weights, i),
            )
            for i, (count, gap) in enumerate(_BLOCKS, 1)
        ]
        self._last = Activation(weights, "xvector.out_nonlinear.batchnorm")

    def __call__(self, values: Floats) -> Floats:
        """(row of the front end, window, frame) → (channel, window, every other frame)."""
        count = values.shape[1]
        channels = self._entry(values)
        for layers, exit_ in self._blocks:
            known = len(channels)
            grown = np.empty((known + _GROWTH * len(layers), channels.shape[1]), np.float32)
            grown[:known] = channels
            for layer in layers:
                grown[known : known + _GROWTH] = layer(grown[:known], count)
                known += _GROWTH
            channels = exit_(grown)
        return self._last(channels).reshape(len(channels), count, -1)


class _Entry:
    """A convolution over five frames that keeps every other one."""

    def __init__(self, weights: Weights) -> None:
        scale, shift = scale_and_shift(weights, "xvector.tdnn.nonlinear.batchnorm")
        kernel = weights["xvector.tdnn.linear.weight"].reshape(_ENTRY, -1, BANDS // 8, 5)
        # The file's rows go channel by channel, those of the front end band by band.
        columns = (kernel * scale[:, None, None, None]).transpose(3, 0, 2, 1).reshape(5, _ENTRY, -1)
        self._columns, self._shift = np.ascontiguousarray(columns), shift[:, None]

    def __call__(self, values: Floats) -> Floats:
        rows, count, frames = values.shape
        kept = (frames + 1) // 2
        padded = np.zeros((rows, count, frames + 4), np.float32)
        padded[:, :, 2:-2] = values
        sums = np.zeros((_ENTRY, count * kept), np.float32)
        for first, column in enumerate(self._columns):
            sums += column @ padded[:, :, first : first + 2 * kept - 1 : 2].reshape(rows, -1)
        sums += self._shift
        return rectify(sums)


class _Layer:
    def __init__(self, weights: Weights, name: str, gap: int) -> None:
        self._gap = gap
        scale, shift = scale_and_shift(weights, f"{name}.nonlinear2.batchnorm")
        matrix = weights[f"{name}.linear1.weight"].reshape(_NARROW, -1) * scale[:, None]
        self._narrow = RectifiedLinear(weights, f"{name}.nonlinear1.batchnorm", matrix, shift)
        kernel = weights[f"{name}.cam_layer.linear_local.weight"].reshape(_GROWTH, _NARROW, 3)
        self._kernel = np.ascontiguousarray(kernel.transpose(0, 2, 1).reshape(_GROWTH, -1))
        self._mask = _Mask(weights, f"{name}.cam_layer")

    def __call__(self, values: Floats, count: int) -> Floats:
        inner = rectify(self._narrow(values)).reshape(_NARROW, count, -1)
        covered = np.zeros((3, *inner.shape), np.float32)
        covered[0, :, :, self._gap :] = inner[:, :, : -self._gap]
        covered[1] = inner
        covered[2, :, :, : -self._gap] = inner[:, :, self._gap :]
        output = self._kernel @ covered.reshape(3 * _NARROW, -1)
        return self._mask(inner, output.reshape(_GROWTH, count, -1)).reshape(_GROWTH, -1)


class _Mask:
    """Weighs each channel of a layer by the mean of the window and of the stretch around."""

    def __init__(self, weights: Weights, name: str) -> None:
        self._first = weights[f"{name}.linear1.weight"].reshape(-1, _NARROW)
        self._second = weights[f"{name}.linear2.weight"].reshape(_GROWTH, -1)
        self._first_bias = weights[f"{name}.linear1.bias"][:, None]
        self._second_bias = weights[f"{name}.linear2.bias"][:, None]

    def __call__(self, inner: Floats, output: Floats) -> Floats:
        """Both are (channel, window, frame); `output` is changed."""
        mean = inner.mean(axis=2)
        for first in range(0, inner.shape[2], _CONTEXT):
            context = mean + inner[:, :, first : first + _CONTEXT].mean(axis=2)
            gate = (
                self._second @ rectify(np.asarray(self._first @ context + self._first_bias, np.float32))
                + self._second_bias
            )
            output[:, :, first : first + _CONTEXT] *= (1 / (1 + np.exp(-gate)))[:, :, None]
        return output


class _Exit:
    def __init__(self, weights: Weights, block: int) -> None:
        raw = weights[f"xvector.transit{block}.linear.weight"]
        matrix = raw.reshape(round((raw.size / 2) ** 0.5), -1)
        self._linear = RectifiedLinear(weights, f"xvector.transit{block}.nonlinear.batchnorm", matrix)

    def __call__(self, values: Floats) -> Floats:
        return self._linear(values)
