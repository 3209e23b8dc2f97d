"""Finds and reads the weights of the voice encoder, a file of the Resemblyzer package.

Nothing of that package is imported. The file is a checkpoint of PyTorch. Its hash is fixed, so each tensor
lies at a known place, and reading it needs neither PyTorch nor pickle. docs/decisions/speakers.md
"""

from __future__ import annotations

import hashlib
import math
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from common.errors import SpeakersUnavailable

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_SHA256 = "39373b86598fa3da9fcddee6142382efe09777e8d37dc9c0561f41f0070f134e"

# The first byte and the shape of each tensor of 32-bit floats.
_TENSORS: dict[str, tuple[int, tuple[int, ...]]] = {
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
}


class WeightsAltered(Exception):
    """The bytes of the file differ from the published ones; the cause of a SpeakersUnavailable."""


def is_installed() -> bool:
    """Whether speakers can be distinguished; cheap, since it reads and imports nothing."""
    return find_spec("numpy") is not None and weights_file().is_file()


def weights_file() -> Path:
    """Where `make` and the image unpack the package: beside Python's packages, since it is none of ours."""
    return Path(sys.prefix) / "speakers" / "resemblyzer" / "pretrained.pt"


def read_weights(path: Path | None = None) -> dict[str, NDArray[np.float32]]:
    """The tensors by name. Raises SpeakersUnavailable when the file is missing or altered."""
    path = path or weights_file()
    try:
        with path.open("rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() != _SHA256:
                raise SpeakersUnavailable from WeightsAltered(f"{path} is not the published file")
            return {name: _read(file, *place) for name, place in _TENSORS.items()}
    except FileNotFoundError as exc:
        raise SpeakersUnavailable from exc


def _read(file: BinaryIO, offset: int, shape: tuple[int, ...]) -> NDArray[np.float32]:
    import numpy as np

    file.seek(offset)
    return np.frombuffer(file.read(4 * math.prod(shape)), dtype="<f4").reshape(shape)
