"""The files of weights that tell speakers apart, as packages bring them: docs/decisions/speakers.md."""

from __future__ import annotations

from importlib.util import find_spec

from common.speakers.weight_file import WeightFile

VOICE_ENCODER = WeightFile(
    "resemblyzer/pretrained.pt",
    "39373b86598fa3da9fcddee6142382efe09777e8d37dc9c0561f41f0070f134e",
    {
        "lstm.weight_ih_l0": (269_883, (1024, 40)),
        "lstm.weight_hh_l0": (433_723, (1024, 256)),
        "lstm.bias_ih_l0": (5_676_603, (1024,)),
        "lstm.bias_hh_l0": (5_680_699, (1024,)),
        "lstm.weight_ih_l1": (1_482_299, (1024, 256)),
        "lstm.weight_hh_l1": (2_530_875, (1024, 256)),
        "lstm.bias_ih_l1": (5_684_795, (1024,)),
        "lstm.bias_hh_l1": (5_688_891, (1024,)),
        "lstm.weight_ih_l2": (3_579_451, (1024, 256)),
        "lstm.weight_hh_l2": (4_628_027, (1024, 256)),
        "lstm.bias_ih_l2": (5_692_987, (1024,)),
        "lstm.bias_hh_l2": (5_697_083, (1024,)),
        "linear.weight": (7_731, (256, 256)),
        "linear.bias": (6_699, (256,)),
    },
)

FILES = (VOICE_ENCODER,)


def is_installed() -> bool:
    """Whether speakers can be distinguished; cheap, since it reads and imports nothing."""
    return find_spec("numpy") is not None and all(file.path.is_file() for file in FILES)
