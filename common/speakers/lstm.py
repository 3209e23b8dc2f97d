"""A layer of an LSTM that reads sequences from both ends, all of them and both ways at once; numpy alone."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from common.speakers.features import Floats

UNITS = 128  # of each way
_STEPS = 64  # whose entries are computed at a time: as many as the caches hold

# In numpy e^x takes half the time of tanh. So all gates of a step, in PyTorch's order, are 1 / (1 + e^x):
# sigmoid(x) of −x, and tanh(x) = 2 sigmoid(2x) − 1.
_FACTORS = np.repeat(np.array([-1, -1, -2, -1], np.float32), UNITS)


class TwoWayLSTM:
    """One layer."""

    def __init__(self, weights: Mapping[str, Floats], layer: int) -> None:
        def of(name: str) -> Floats:
            ways = (f"l{layer}", f"l{layer}_reverse")
            return np.stack([_by_gate(weights[f"lstm.{name}_{way}"]) for way in ways])

        self._inner, self._outer = of("weight_ih"), of("weight_hh")
        self._bias = of("bias_ih") + of("bias_hh")

    def __call__(self, values: Floats) -> Floats:
        """(step, sequence, value) → (step, sequence, 2 · UNITS): by what came before, and by what comes."""
        steps, sequences, size = values.shape
        outputs = np.empty((steps, sequences, 2 * UNITS), np.float32)
        memory = _Memory(self._outer, sequences)
        for first in range(0, steps, _STEPS):
            block = slice(first, first + _STEPS)
            both = np.stack([values[block], values[::-1][block]])
            entries = both.reshape(2, -1, size) @ self._inner
            entries += self._bias
            entries = entries.reshape(*both.shape[:3], 4 * UNITS)
            with np.errstate(over="ignore"):  # of e^x: 1 / infinity is right
                for step in range(entries.shape[1]):
                    hidden = memory.take(entries[:, step])
                    outputs[first + step, :, :UNITS] = hidden[0]
                    outputs[-1 - first - step, :, UNITS:] = hidden[1]
        return outputs


class _Memory:
    """What both ways know of each sequence, (way, sequence, unit); makes no new arrays from step to step."""

    def __init__(self, outer: Floats, sequences: int) -> None:
        self._outer = outer
        self._gates = np.empty((2, sequences, 4 * UNITS), np.float32)
        self._let_in, self._keep, self._new, self._let_out = np.split(self._gates, 4, axis=2)
        self._hidden = np.zeros((2, sequences, UNITS), np.float32)
        self._cell = np.zeros_like(self._hidden)

    def take(self, entries: Floats) -> Floats:
        """One step; its output is good until the next."""
        np.matmul(self._hidden, self._outer, out=self._gates)
        self._gates += entries
        np.exp(self._gates, out=self._gates)
        self._gates += 1
        np.reciprocal(self._gates, out=self._gates)
        self._new *= 2
        self._new -= 1
        self._cell *= self._keep
        self._new *= self._let_in
        self._cell += self._new
        np.tanh(self._cell, out=self._hidden)
        self._hidden *= self._let_out
        return self._hidden


def _by_gate(weights: Floats) -> Floats:
    """As they lie in the file → (what comes in, gate)"""
    return np.ascontiguousarray((weights.reshape(4 * UNITS, -1) * _FACTORS[:, None]).T)
