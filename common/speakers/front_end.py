"""The first part of the voice encoder: convolutions over frequency and time (FCM of CAM++), in numpy.

Values are (band, channel, window × frame). A row of zeros lies below and above the bands, and a column
of zeros on either side of each window's frames: then what a kernel covers is a view, and nothing is copied.
"""

from __future__ import annotations

from collections.abc import Callable

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
        values = self._entry(padded.reshape(BANDS + 2, 1, -1), frames)
        for block in self._blocks:
            values = block(values, frames)
        values = self._exit(values, frames)
        return values[1:-1].reshape(ROWS, count, frames + 2)[:, :, 1:-1]


class _Convolution:
    """3 × 3, with the batch normalisation and the ReLU that follow it."""

    def __init__(self, weights: Weights, name: str, norm: str, *, stride: int = 1) -> None:
        scale, shift = scale_and_shift(weights, norm)
        kernel = weights[f"{name}.weight"].reshape(_CHANNELS, -1, 3, 3) * scale[:, None, None, None]
        # Rows for each column of the kernel; they go over three bands of all channels.
        rows = kernel.transpose(3, 0, 2, 1).reshape(3 * _CHANNELS, -1)
        self._matrix, self._shift = np.ascontiguousarray(rows), shift[:, None]
        self._stride = stride

    def __call__(
        self, values: Floats, frames: int, shortcut: Callable[[int], Floats] | None = None
    ) -> Floats:
        """`shortcut` gives what is added to a band of the output. Each is done while caches hold it."""
        bands, length = (len(values) - 2) // self._stride, values.shape[2]
        output = np.zeros((bands + 2, _CHANNELS, length), np.float32)
        parts = np.empty((3 * _CHANNELS, length), np.float32)
        left, middle, right = parts.reshape(3, _CHANNELS, length)
        for band in range(bands):
            covered = values[band * self._stride :][:3].reshape(-1, length)
            np.matmul(self._matrix, covered, out=parts)
            sums = output[band + 1]
            np.add(left[:, :-2], middle[:, 1:-1], out=sums[:, 1:-1])
            sums[:, 1:-1] += right[:, 2:]
            sums += self._shift if shortcut is None else self._shift + shortcut(band)
            rectify(sums)
        by_window = output.reshape(bands + 2, _CHANNELS, -1, frames + 2)
        by_window[..., 0] = by_window[..., -1] = 0.0
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
        def shortcut(band: int) -> Floats:
            if self._shortcut is None:
                return np.asarray(values[band + 1], np.float32)
            matrix, shift = self._shortcut
            return np.asarray(matrix @ values[2 * band + 1] + shift, np.float32)

        return self._second(self._first(values, frames), frames, shortcut)
