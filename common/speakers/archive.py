"""The tensors of a checkpoint of PyTorch: a zip with the bytes of each, and a table of them that is a pickle.

The table is read as a list of instructions and never executed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_COUNTER = ".num_batches_tracked"  # of the training: the one thing in such a file that is no 32-bit float


def read_archive(file: BinaryIO) -> dict[str, NDArray[np.float32]]:
    """The tensors by name, each flat."""
    from zipfile import ZipFile

    import numpy as np

    with ZipFile(file) as archive:
        (table,) = (place for place in archive.namelist() if place.endswith("/data.pkl"))
        return {
            name: np.frombuffer(archive.read(f"{table.removesuffix('.pkl')}/{key}"), "<f4")
            for name, key in _keys(archive.read(table)).items()
            if not name.endswith(_COUNTER)
        }


def _keys(table: bytes) -> dict[str, str]:
    """The key of each tensor's bytes: among the strings of the table it follows the tensor's name."""
    from pickletools import genops

    keys: dict[str, str] = {}
    name = ""
    for instruction, value, _ in genops(table):
        if instruction.name != "BINUNICODE":
            continue
        if str(value).isdigit():
            keys[name] = str(value)
        elif "." in str(value):
            name = str(value)
    return keys
