"""Windows of sound → embeddings of voices: Resemblyzer's GE2E encoder, three LSTM layers, in numpy alone."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from common.speakers.features import Floats

LAYERS = 3
UNITS = 256
SIZE = 256  # values of an embedding

# A tanh does for all gates of a step at once: sigmoid(x) = tanh(x / 2) / 2 + 1/2. PyTorch's order of gates is
# input, forget, cell, output.
_HALF = np.repeat(np.array([0.5, 0.5, 1.0, 0.5], np.float32), UNITS)


class VoiceEncoder:
    """Embeds batches of windows; holds 6 MB of weights and works within the memory of one batch."""

    def __init__(self, weights: Mapping[str, Floats]) -> None:
        self._layers = [_layer(weights, number) for number in range(LAYERS)]
        self._matrix = np.ascontiguousarray(weights["linear.weight"].T)
        self._bias = weights["linear.bias"]

    def embed(self, windows: Floats) -> Floats:
        """`windows` are mel frames (window, frame, band) → unit vectors (window, SIZE), none negative."""
        sequence = np.ascontiguousarray(windows.transpose(1, 0, 2))
        for inner, outer, bias in self._layers:
            sequence = _run(sequence, inner, outer, bias)
        raw = np.maximum(0, sequence[-1] @ self._matrix + self._bias)
        norms = np.linalg.norm(raw, axis=1, keepdims=True)
        return np.asarray(raw / np.maximum(norms, 1e-6), np.float32)


def _layer(weights: Mapping[str, Floats], number: int) -> tuple[Floats, Floats, Floats]:
    inner = np.ascontiguousarray((weights[f"lstm.weight_ih_l{number}"] * _HALF[:, None]).T)
    outer = np.ascontiguousarray((weights[f"lstm.weight_hh_l{number}"] * _HALF[:, None]).T)
    bias = (weights[f"lstm.bias_ih_l{number}"] + weights[f"lstm.bias_hh_l{number}"]) * _HALF
    return inner, outer, bias


def _run(sequence: Floats, inner: Floats, outer: Floats, bias: Floats) -> Floats:
    """One LSTM layer over a sequence (frame, window, value) → its output at each frame."""
    count = sequence.shape[1]
    hidden, cell = np.zeros((count, UNITS), np.float32), np.zeros((count, UNITS), np.float32)
    output = np.empty((len(sequence), count, UNITS), np.float32)
    for step, values in enumerate(sequence):
        gates = values @ inner
        gates += hidden @ outer
        gates += bias
        np.tanh(gates, out=gates)
        entry, keep, new, exit_ = np.split(gates, 4, axis=1)
        cell *= 0.5 * keep + 0.5
        cell += (0.5 * entry + 0.5) * new
        hidden = output[step]
        np.multiply(0.5 * exit_ + 0.5, np.tanh(cell), out=hidden)
    return output
