"""Makes tests/data/vad.npz: what onnxruntime makes of a recording with Silero's own file.

python -m benchmarks.vad_reference        in an environment with onnxruntime and our weights
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from common.speakers.weights import SPEECH_DETECTOR

_DATA = Path(__file__).parent.parent / "tests" / "data"
_CHUNK, _CONTEXT = 512, 64
_RATE = 16_000


def probabilities_of(samples: Any) -> Any:
    """As silero-vad's own Python does: chunk by chunk, each with the end of the one before it."""
    import onnxruntime

    session = onnxruntime.InferenceSession(SPEECH_DETECTOR.path)
    state, context = np.zeros((2, 1, 128), np.float32), np.zeros(_CONTEXT, np.float32)
    found = []
    for first in range(0, len(samples) - _CHUNK + 1, _CHUNK):
        chunk = np.concatenate([context, samples[first : first + _CHUNK]])
        given = {"input": chunk[None], "state": state, "sr": np.array(_RATE, np.int64)}
        probability, state = session.run(None, given)
        found.append(float(probability[0, 0]))
        context = chunk[-_CONTEXT:]
    return np.array(found, np.float32)


if __name__ == "__main__":
    raw = (_DATA / "english-short.wav").read_bytes()[44:]
    samples = np.frombuffer(raw, "<i2").astype(np.float32) / np.float32(32_768)
    np.savez_compressed(_DATA / "vad.npz", probabilities=probabilities_of(samples))
