"""Windows of sound → embeddings of voices: 3D-Speaker's CAM++ (arXiv:2303.00332), in numpy alone."""

from __future__ import annotations

import numpy as np

from common.speakers.dense_blocks import DenseBlocks
from common.speakers.features import Floats
from common.speakers.front_end import FrontEnd
from common.speakers.layers import Weights, scale_and_shift
from common.speakers.records import SIZE


class VoiceEncoder:
    """Embeds batches of windows; holds 28 MB of weights and works within the memory of one batch."""

    def __init__(self, weights: Weights) -> None:
        self._front_end, self._dense_blocks = FrontEnd(weights), DenseBlocks(weights)
        # 3D-Speaker's network ends here; the copy of it in the package goes on with a ReLU.
        scale, shift = scale_and_shift(weights, "xvector.dense.nonlinear.batchnorm")
        self._matrix = weights["xvector.dense.linear.weight"].reshape(SIZE, -1) * scale[:, None]
        self._shift = shift

    def embed(self, windows: Floats) -> Floats:
        """Mel frames without their mean (window, frame, band) → unit vectors (window, SIZE)."""
        channels = self._dense_blocks(self._front_end(windows))
        pooled = np.concatenate([channels.mean(axis=2), channels.std(axis=2, ddof=1)])
        raw = (self._matrix @ pooled).T + self._shift
        norms = np.linalg.norm(raw, axis=1, keepdims=True)
        return np.asarray(raw / np.maximum(norms, 1e-6), np.float32)
