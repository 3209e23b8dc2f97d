"""An LSTM layer that reads a sequence from both its ends, over several sequences at once, in numpy alone."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from common.speakers.features import Floats

UNITS = 128  # of each direction
_STEPS = 64  # whose entries are computed at a time: as many as the caches hold

# sigmoid(x) = tanh(x / 2) / 2 + 1 / 2: one tanh does for all gates of a step, in PyTorch's order.
_HALF = np.repeat(np.array([0.5, 0.5, 1.0, 0.5], np.float32), UNITS)


class TwoWayLSTM:
    """One layer; its two directions take each step together."""

    def __init__(self, weights: Mapping[str, Floats], layer: int) -> None:
        names = [f"l{layer}", f"l{layer}_reverse"]
        self._inner = _matrices(weights, [f"lstm.weight_ih_{name}" for name in names])
        self._outer = _matrices(weights, [f"lstm.weight_hh_{name}" for name in names])
        biases = [weights[f"lstm.bias_ih_{name}"] + weights[f"lstm.bias_hh_{name}"] for name in names]
        self._bias = np.stack(biases)[:, None] * _HALF

    def __call__(self, values: Floats) -> Floats:
        """(step, sequence, value) → (step, sequence, 2 · UNITS): what it knows from before, and from after."""
        ways = np.stack([values, values[::-1]])
        _, steps, sequences, size = ways.shape
        outputs = np.empty((2, steps, sequences, UNITS), np.float32)
        hidden = np.zeros((2, sequences, UNITS), np.float32)
        cell = np.zeros_like(hidden)
        for first in range(0, steps, _STEPS):
            block = outputs[:, first : first + _STEPS]
            entries = ways[:, first : first + _STEPS].reshape(2, -1, size) @ self._inner
            entries += self._bias
            hidden = self._remember(entries.reshape(2, -1, sequences, 4 * UNITS), block, hidden, cell)
        return np.concatenate([outputs[0], outputs[1, ::-1]], axis=2)

    def _remember(self, entries: Floats, outputs: Floats, hidden: Floats, cell: Floats) -> Floats:
        """Fills `outputs` (way, step, sequence, unit), changes `cell`; gives the last output."""
        for step in range(entries.shape[1]):
            gates = hidden @ self._outer
            gates += entries[:, step]
            np.tanh(gates, out=gates)
            let_in, keep, new, let_out = np.split(gates, 4, axis=2)
            cell *= 0.5 * keep + 0.5
            cell += (0.5 * let_in + 0.5) * new
            hidden = (0.5 * let_out + 0.5) * np.tanh(cell)
            outputs[:, step] = hidden
        return hidden


def _matrices(weights: Mapping[str, Floats], names: list[str]) -> Floats:
    """(way, what comes in, gate)"""
    stacked = np.stack([weights[name].reshape(4 * UNITS, -1) for name in names]) * _HALF[:, None]
    return np.ascontiguousarray(stacked.transpose(0, 2, 1))
