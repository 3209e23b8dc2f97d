"""A folder for files that live no longer than a request or a run; what killed processes left is removed."""

from __future__ import annotations

import errno
import fcntl
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path


class FolderUnusable(Exception):
    """Nothing can be written there; the sentence tells the operator why."""


_TRIES = 5


@dataclass(frozen=True, slots=True)
class Scratch:
    """`folder` is named for its process; `dead` are the names of processes that were killed before."""

    folder: Path
    dead: tuple[str, ...]


@contextmanager
def scratch_folder(root: Path) -> Iterator[Scratch]:
    """A folder of this process below `root`, removed at the end; those of dead processes are removed now.

    A living process holds a lock on its folder, so several may share one `root`. Raises FolderUnusable.
    """
    try:
        with suppress(FileExistsError):  # if it is a file, the next line says so in a clearer way
            root.parent.mkdir(mode=0o700, parents=True)  # as a parent of `root` it would be open to others
        root.mkdir(mode=0o700, exist_ok=True)
        dead = tuple(folder.name for folder in root.iterdir() if _remove_if_dead(folder))
        folder, lock = _create_folder(root)
    except OSError as exc:
        raise FolderUnusable(_sentence(root, exc)) from exc
    try:
        yield Scratch(folder, dead)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        if lock is not None:
            os.close(lock)


def _sentence(root: Path, exc: OSError) -> str:
    problem = f"The folder {root} cannot be made or written to: {exc.strerror}."
    if exc.errno in {errno.EACCES, errno.EPERM}:
        user, group = os.geteuid(), os.getegid()
        return f"{problem} DATA_DIR must belong to user {user}: chown -R {user}:{group} {root.parent}"
    if exc.errno == errno.EROFS:
        return f"{problem} Mount a writable volume or a tmpfs there, or choose another DATA_DIR."
    return problem


def _create_folder(root: Path) -> tuple[Path, int | None]:
    """A new folder and its lock. Until it is locked, a process that starts may take it for a dead one's."""
    for _ in range(_TRIES):
        folder = root / secrets.token_hex(8)
        folder.mkdir(mode=0o700)
        lock = _lock(folder)
        if lock is not None and folder.is_dir():
            break
        shutil.rmtree(folder, ignore_errors=True)
        if lock is not None:
            os.close(lock)
    else:  # no locks on this file system: then nothing takes it for a dead one's either
        folder.mkdir(mode=0o700, exist_ok=True)
        lock = None
    return folder, lock


def _remove_if_dead(folder: Path) -> bool:
    lock = _lock(folder)
    if lock is None:
        return False
    shutil.rmtree(folder, ignore_errors=True)
    os.close(lock)
    return True


def _lock(folder: Path) -> int | None:
    """A descriptor that holds the folder's lock until it is closed; None while another process holds it."""
    descriptor = None
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        if descriptor is not None:
            os.close(descriptor)
        return None
    return descriptor
