"""Reads the weights of a model from a file of a published package: no pickle, no library but numpy.

The hash of the file is fixed, so each tensor lies at a known place in it. Nothing of the package is imported.
"""

from __future__ import annotations

import hashlib
import math
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from common.errors import SpeakersUnavailable
from common.speakers.archive import read_archive

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class WeightsAltered(Exception):
    """The bytes of the file differ from the published ones; the cause of a SpeakersUnavailable."""


@dataclass(frozen=True)
class WeightFile:
    """Where the file lies within the packages, its hash, and the first byte and shape of each tensor.

    Without these it is a checkpoint of PyTorch, which has a table of its own.
    """

    place: str
    sha256: str
    tensors: Mapping[str, tuple[int, tuple[int, ...]]] | None = None

    @property
    def path(self) -> Path:
        """Where `make` and the image unpack packages, beside Python's; on Lambda, in a layer's folder."""
        places = [Path(folder) / "speakers" / self.place for folder in (sys.prefix, *sys.path)]
        return next((place for place in places if place.is_file()), places[0])

    def read(self, path: Path | None = None) -> dict[str, NDArray[np.float32]]:
        """The tensors by name. Raises SpeakersUnavailable when the file is missing or altered."""
        path = path or self.path
        try:
            with path.open("rb") as file:
                if hashlib.file_digest(file, "sha256").hexdigest() != self.sha256:
                    raise SpeakersUnavailable from WeightsAltered(f"{path} is not the published file")
                if self.tensors is None:
                    return read_archive(file)
                return {name: _read(file, *place) for name, place in self.tensors.items()}
        except FileNotFoundError as exc:
            raise SpeakersUnavailable from exc


def _read(file: BinaryIO, offset: int, shape: tuple[int, ...]) -> NDArray[np.float32]:
    import numpy as np

    file.seek(offset)
    return np.frombuffer(file.read(4 * math.prod(shape)), dtype="<f4").reshape(shape)
