"""Makes tests/data/voice-encoder.npz: what librosa and PyTorch make of a recording, to compare ours with.

    python -m benchmarks.voice_reference        in an environment with librosa, torch and our weights

The tests need neither: they compare with the file.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from common.speakers.weights import VOICE_ENCODER

_DATA = Path(__file__).parent.parent / "tests" / "data"
_WINDOWS = (0, 80)  # the first frame of each window of 160


def mel_of(path: Path) -> Any:
    import librosa

    samples, rate = librosa.load(path, sr=None)
    mel = librosa.feature.melspectrogram(y=samples, sr=rate, n_fft=400, hop_length=160, n_mels=40)
    return mel.T.astype(np.float32)


def embeddings_of(windows: Any) -> Any:
    import torch

    known = torch.load(VOICE_ENCODER.path, map_location="cpu")["model_state"]
    lstm, linear = torch.nn.LSTM(40, 256, 3, batch_first=True), torch.nn.Linear(256, 256)
    for module, prefix in ((lstm, "lstm."), (linear, "linear.")):
        names = [name for name in known if name.startswith(prefix)]
        module.load_state_dict({name.removeprefix(prefix): known[name] for name in names})
    with torch.no_grad():
        _, (hidden, _) = lstm(torch.tensor(windows.tolist()))
        raw = torch.relu(linear(hidden[-1]))
        return np.array((raw / raw.norm(dim=1, keepdim=True)).tolist(), np.float32)


if __name__ == "__main__":
    mel = mel_of(_DATA / "english-short.wav")[:240]
    windows = np.stack([mel[first : first + 160] for first in _WINDOWS])
    np.savez_compressed(_DATA / "voice-encoder.npz", mel=mel, embeddings=embeddings_of(windows))
