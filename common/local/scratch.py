"""A folder for files that live no longer than a request or a run, emptied of what killed processes left."""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path


class FolderUnusable(Exception):
    """Nothing can be written there; the sentence tells whoever starts the server why."""


_TRIES = 5


@dataclass(frozen=True, slots=True)
class Scratch:
    """`folder` is named for its process; `dead` are the names of processes that were killed before."""

    folder: Path
    dead: tuple[str, ...]


@contextmanager
def scratch_folder(root: Path) -> Iterator[Scratch]:
    """A folder of this process's own below `root`, gone at the end; those of dead processes go now.

    A living process holds a lock on its folder, so several may share one `root`. Raises FolderUnusable.
    """
    try:
        with suppress(FileExistsError):  # if it is a file, the next line says so in a clearer way
            root.parent.mkdir(mode=0o700, parents=True)  # as a parent of `root` it would be anybody's
        root.mkdir(mode=0o700, exist_ok=True)
        dead = tuple(left.name for left in root.iterdir() if _removed_if_dead(left))
        folder, held = _made(root)
    except OSError as exc:
        raise FolderUnusable(f"The folder {root} cannot be made or written to: {exc.strerror}.") from exc
    try:
        yield Scratch(folder, dead)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        if held is not None:
            os.close(held)


def _made(root: Path) -> tuple[Path, int | None]:
    """A new folder, locked. One who starts at the same moment may take it for a dead one's before it is."""
    for _ in range(_TRIES):
        folder = root / secrets.token_hex(8)
        folder.mkdir(mode=0o700)
        held = _locked(folder)
        if held is not None and folder.is_dir():
            break
        shutil.rmtree(folder, ignore_errors=True)
        if held is not None:
            os.close(held)
    else:  # no locks on this file system: then nothing takes it for a dead one's either
        folder.mkdir(mode=0o700, exist_ok=True)
        held = None
    return folder, held


def _removed_if_dead(folder: Path) -> bool:
    held = _locked(folder)
    if held is None:
        return False
    shutil.rmtree(folder, ignore_errors=True)
    os.close(held)
    return True


def _locked(folder: Path) -> int | None:
    """A descriptor that holds the folder's lock until it is closed; None while somebody else holds it."""
    descriptor = None
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        if descriptor is not None:
            os.close(descriptor)
        return None
    return descriptor
