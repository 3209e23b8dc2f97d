"""How likely each 32 ms of sound are speech: Silero VAD 6.2 in numpy alone, a block of sound at a time."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from common.speakers.features import Floats

CHUNK = 512  # samples that get one probability
_CONTEXT = 64  # samples before them that it hears, too
_PADDING = 64  # samples after them, mirrored
_SPAN, _HOP = 256, 128  # of the spectrum
_BINS = _SPAN // 2 + 1
_STRIDES = {"conv1": 1, "conv2": 2, "conv3": 2, "conv4": 1}
_UNITS = 128

# sigmoid(x) = tanh(x / 2) / 2 + 1 / 2: one tanh does for all gates of a step, in PyTorch's order.
_HALF = np.repeat(np.array([0.5, 0.5, 1.0, 0.5], np.float32), _UNITS)


class SpeechDetector:
    """Hears one recording in order, block by block; remembers what it heard before."""

    def __init__(self, weights: Mapping[str, Floats]) -> None:
        self._basis = np.ascontiguousarray(weights["stft_conv.weight"][:, 0].T)
        self._layers = [_layer(weights, name, stride) for name, stride in _STRIDES.items()]
        self._inner = np.ascontiguousarray((weights["lstm_cell.weight_ih"] * _HALF[:, None]).T)
        self._outer = np.ascontiguousarray((weights["lstm_cell.weight_hh"] * _HALF[:, None]).T)
        self._bias = (weights["lstm_cell.bias_ih"] + weights["lstm_cell.bias_hh"]) * _HALF
        self._last = weights["final_conv.weight"][0, :, 0], weights["final_conv.bias"][0]
        self._context = np.zeros(_CONTEXT, np.float32)
        self._hidden, self._cell = np.zeros(_UNITS, np.float32), np.zeros(_UNITS, np.float32)

    def hear(self, samples: Floats) -> Floats:
        """A probability for each CHUNK of the next samples (−1 to 1); silence fills up the last one."""
        if not len(samples):
            return np.zeros(0, np.float32)
        filled = np.pad(samples, (_CONTEXT, -len(samples) % CHUNK))
        filled[:_CONTEXT] = self._context
        self._context = filled[-_CONTEXT:].copy()
        chunks = np.lib.stride_tricks.sliding_window_view(filled, _CONTEXT + CHUNK)[::CHUNK]
        outputs = self._remember(self._encode(chunks) @ self._inner + self._bias)
        matrix, bias = self._last
        return np.asarray(_sigmoid(np.maximum(0, outputs) @ matrix + bias), np.float32)

    def _encode(self, chunks: Floats) -> Floats:
        """(chunk, sample) → (chunk, value): a spectrum of four frames, and four convolutions over them."""
        padded = np.pad(chunks, ((0, 0), (0, _PADDING)), "reflect")
        frames = np.lib.stride_tricks.sliding_window_view(padded, _SPAN, axis=1)[:, ::_HOP]
        waves = frames @ self._basis
        values = np.hypot(waves[..., :_BINS], waves[..., _BINS:])
        for matrix, bias, stride in self._layers:
            values = _convolve(values, matrix, bias, stride)
        return np.asarray(values[:, 0], np.float32)

    def _remember(self, entries: Floats) -> Floats:
        """One LSTM layer over what each chunk brings (chunk, gate) → its output at each (chunk, unit)."""
        outputs = np.empty((len(entries), _UNITS), np.float32)
        for step, entry in enumerate(entries):
            gates = np.tanh(entry + self._hidden @ self._outer)
            let_in, keep, new, let_out = np.split(gates, 4)
            self._cell *= 0.5 * keep + 0.5
            self._cell += (0.5 * let_in + 0.5) * new
            outputs[step] = (0.5 * let_out + 0.5) * np.tanh(self._cell)
            self._hidden = outputs[step]
        return outputs


def _layer(weights: Mapping[str, Floats], name: str, stride: int) -> tuple[Floats, Floats, int]:
    kernel = weights[f"{name}.weight"]  # (output, input, 3)
    matrix = np.ascontiguousarray(kernel.transpose(2, 1, 0).reshape(-1, len(kernel)))
    return matrix, weights[f"{name}.bias"], stride


def _convolve(values: Floats, matrix: Floats, bias: Floats, stride: int) -> Floats:
    """(chunk, frame, value) with a kernel of three frames, and what is below zero cut off."""
    count = values.shape[1]
    padded = np.pad(values, ((0, 0), (1, 1), (0, 0)))
    columns = np.concatenate([padded[:, at : at + count][:, ::stride] for at in range(3)], axis=2)
    return np.asarray(np.maximum(0, columns @ matrix + bias), np.float32)


def _sigmoid(values: Floats) -> Floats:
    return np.asarray(0.5 * np.tanh(0.5 * values) + 0.5, np.float32)
