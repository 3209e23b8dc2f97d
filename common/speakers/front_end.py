"""The first part of the voice encoder: convolutions over frequency and time (FCM of CAM++), in numpy.

Values are (band, channel, window × frame). A row of zeros lies below and above the bands, and a column
of zeros on either side of each window's frames: then what a kernel covers is a view, and nothing is copied.
"""

from __future__ import annotations

import numpy as np

from common.speakers.features import BANDS, Floats
from common.speakers.layers import Weights, rectify, scale_and_shift

_CHANNELS = 32
ROWS = _CHANNELS * BANDS // 8  # values of a frame of the output


class FrontEnd:
    """A residual network that keeps the frames and leaves an eighth of the bands."""

    def __init__(self, weights: Weights) -> None:
        self._entry = _Convolution(weights, "head.conv1", "head.bn1")
        self._blocks = [_Block(weights, f"head.layer{i}.{j}", halves=j == 0) for i in (1, 2) for j in (0, 1)]
        self._exit = _Convolution(weights, "head.conv2", "head.bn2", stride=2)

    def __call__(self, windows: Floats) -> Floats:
        """`windows` (window, frame, band) → (ROWS, window, frame), the rows band by band."""
        count, frames, _ = windows.shape
        padded = np.zeros((BANDS + 2, 1, count, frames + 2), np.float32)
        padded[1:-1, 0, :, 1:-1] = windows.transpose(2, 0, 1)
        values = _activate(self._entry(padded.reshape(BANDS + 2, 1, -1)), frames)
        for block in self._blocks:
            values = block(values, frames)
        values = _activate(self._exit(values), frames)
        return values[1:-1].reshape(ROWS, count, frames + 2)[:, :, 1:-1]


class _Convolution:
    """3 × 3, with the batch normalisation that follows it."""

    def __init__(self, weights: Weights, name: str, norm: str, *, stride: int = 1) -> None:
        scale, shift = scale_and_shift(weights, norm)
        kernel = weights[f"{name}.weight"].reshape(_CHANNELS, -1, 3, 3) * scale[:, None, None, None]
        # A matrix for each column of the kernel; its rows go over three bands of all channels.
        columns = kernel.transpose(3, 0, 2, 1).reshape(3, _CHANNELS, -1)
        self._columns, self._shift = np.ascontiguousarray(columns), shift[:, None]
        self._stride = stride

    def __call__(self, values: Floats) -> Floats:
        """The columns between windows are not zeros yet: `_activate` makes them so."""
        bands, length = (len(values) - 2) // self._stride, values.shape[2]
        output = np.zeros((bands + 2, _CHANNELS, length), np.float32)
        part = np.empty((_CHANNELS, length - 2), np.float32)
        left, middle, right = self._columns
        for band in range(bands):
            covered = values[band * self._stride :][:3].reshape(-1, length)
            sums = output[band + 1][:, 1:-1]
            np.matmul(left, covered[:, :-2], out=sums)
            for column, moved in ((middle, covered[:, 1:-1]), (right, covered[:, 2:])):
                sums += np.matmul(column, moved, out=part)
            sums += self._shift
        return output


class _Block:
    """Two convolutions beside a shortcut; some halve the bands."""

    def __init__(self, weights: Weights, name: str, *, halves: bool) -> None:
        self._first = _Convolution(weights, f"{name}.conv1", f"{name}.bn1", stride=2 if halves else 1)
        self._second = _Convolution(weights, f"{name}.conv2", f"{name}.bn2")
        self._shortcut: tuple[Floats, Floats] | None = None
        if halves:
            scale, shift = scale_and_shift(weights, f"{name}.shortcut.1")
            matrix = weights[f"{name}.shortcut.0.weight"].reshape(_CHANNELS, _CHANNELS)
            self._shortcut = matrix * scale[:, None], shift[:, None]

    def __call__(self, values: Floats, frames: int) -> Floats:
        output = self._second(_activate(self._first(values), frames))
        if self._shortcut is None:
            output[1:-1] += values[1:-1]
        else:
            matrix, shift = self._shortcut
            output[1:-1] += matrix @ values[1:-1:2] + shift
        return _activate(output, frames)


def _activate(values: Floats, frames: int) -> Floats:
    """ReLU, and zeros again around each window."""
    rectify(values)
    by_window = values.reshape(*values.shape[:2], -1, frames + 2)
    by_window[..., 0] = by_window[..., -1] = 0.0
    return values
