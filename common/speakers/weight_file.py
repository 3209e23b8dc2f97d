"""Reads the weights of a model from a file of a published package, whose hash is fixed: no library but numpy.

Nothing of the package is imported.
"""

from __future__ import annotations

import hashlib
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from common.errors import SpeakersUnavailable
from common.speakers.archive import read_archive

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class WeightsAltered(Exception):
    """The bytes of the file differ from the published ones; the cause of a SpeakersUnavailable."""


@dataclass(frozen=True)
class WeightFile:
    """A checkpoint of PyTorch: where it lies within the packages, and its hash."""

    place: str
    sha256: str

    @property
    def path(self) -> Path:
        """Where `make` and the image unpack packages, beside Python's; on Lambda, in a layer's folder."""
        places = [Path(folder) / "speakers" / self.place for folder in (sys.prefix, *sys.path)]
        return next((place for place in places if place.is_file()), places[0])

    def read(self, path: Path | None = None) -> dict[str, NDArray[np.float32]]:
        """The tensors by name, each flat. Raises SpeakersUnavailable when the file is missing or altered."""
        path = path or self.path
        try:
            with path.open("rb") as file:
                if hashlib.file_digest(file, "sha256").hexdigest() != self.sha256:
                    raise SpeakersUnavailable from WeightsAltered(f"{path} is not the published file")
                return read_archive(file)
        except FileNotFoundError as exc:
            raise SpeakersUnavailable from exc
