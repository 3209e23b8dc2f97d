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

FILES = (VOICE_ENCODER, SPEECH_DETECTOR)


def is_installed() -> bool:
    """Whether speakers can be distinguished; cheap, since it reads and imports nothing."""
    return find_spec("numpy") is not None and all(file.path.is_file() for file in FILES)
