"""Recordings as files in one folder, within a budget of bytes; a name is a job id and nothing else."""

from __future__ import annotations

import asyncio
import errno
import math
import os
import shutil
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from uuid import UUID

from common.errors import AudioGone, JobNotFound, StorageFull
from common.local.upload_ticket import UploadTickets
from common.ports import UploadTicket

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_HALF = ".half"
_BATCH = 500


class AudioFolder:
    """`AudioStore` in `root`, at most `budget_bytes` of it. Made without effect: call `open` first.

    Give it received files from the same file system: those are renamed, others must be copied.
    """

    def __init__(self, root: Path, *, budget_bytes: int, tickets: UploadTickets) -> None:
        self._root = root
        self._budget = budget_bytes
        self._tickets = tickets
        self._kept = 0
        self._arriving = 0

    @property
    def size_bytes(self) -> int:
        return self._kept + self._arriving

    async def open(self) -> None:
        """Make the folder, drop what a kill left half copied, count what is there."""
        self._kept = await asyncio.to_thread(_begin, self._root)

    async def keep(self, job_id: str, file: Path) -> None:
        target = self._path(job_id)
        grown = _size(file) - _size(target)
        if grown > 0 and self.size_bytes + grown > self._budget:
            raise StorageFull
        self._arriving += grown  # before the first await: uploads that end together share one budget
        try:
            await asyncio.to_thread(_move_in, file, target)
        except OSError as exc:
            if exc.errno in _FULL:
                raise StorageFull from exc
            raise
        else:
            self._kept += grown
        finally:
            self._arriving -= grown

    async def fetch(self, job_id: str, folder: Path) -> Path:  # noqa: ARG002 - the file itself is local
        path = self._path(job_id)
        if not path.is_file():
            raise AudioGone
        return path

    async def has(self, job_id: str) -> bool:
        return self._path(job_id).is_file()

    async def posted(self, job_id: str) -> bool:  # noqa: ARG002
        """What is posted comes to this process, which keeps it at once."""
        return False

    async def remove(self, job_id: str) -> None:
        path = self._path(job_id)
        self._kept -= await asyncio.to_thread(_delete, path)

    async def ticket(
        self, job_id: str, *, max_bytes: int, now: float, until: float = math.inf
    ) -> UploadTicket:
        self._path(job_id)
        return self._tickets.give(job_id, max_bytes=max_bytes, now=now, until=until)

    def admit(self, job_id: str, fields: Mapping[str, str], *, now: float) -> int:
        return self._tickets.check(job_id, fields, now=now)

    async def sweep(self, needed: Callable[[list[str]], Awaitable[set[str]]]) -> int:
        """Remove recordings that no job needs, and count anew what stays; answers how many went.

        `needed` tells which of some job ids still do. A job is made before its recording is kept, so what
        lies here without one was left by a kill.
        """
        kept = await asyncio.to_thread(_names, self._root)
        gone = 0
        for first in range(0, len(kept), _BATCH):
            batch = kept[first : first + _BATCH]
            for job_id in set(batch) - await needed(batch):
                await self.remove(job_id)
                gone += 1
        self._kept = await asyncio.to_thread(_count, self._root)
        return gone

    def _path(self, job_id: str) -> Path:
        """Raises JobNotFound for what is no job id in its one spelling, whatever path it would name."""
        if not _is_job_id(job_id):
            raise JobNotFound
        return self._root / job_id


def _is_job_id(name: str) -> bool:
    try:
        return str(UUID(name)) == name
    except ValueError:
        return False


def _begin(root: Path) -> int:
    root.mkdir(mode=0o700, parents=True, exist_ok=True)
    for half in root.glob(f"*{_HALF}"):
        half.unlink(missing_ok=True)
    return _count(root)


def _count(root: Path) -> int:
    with os.scandir(root) as entries:
        return sum(_size(Path(entry.path)) for entry in entries if _is_job_id(entry.name))


def _names(root: Path) -> list[str]:
    with os.scandir(root) as entries:
        return [entry.name for entry in entries if _is_job_id(entry.name)]


def _size(file: Path) -> int:
    """0 for what has gone meanwhile."""
    try:
        return file.stat().st_size
    except FileNotFoundError:
        return 0


def _delete(file: Path) -> int:
    """How many bytes that freed."""
    try:
        size = _size(file)
        file.unlink()
    except FileNotFoundError:
        return 0
    return size


def _move_in(file: Path, target: Path) -> None:
    _sync(file)
    file.chmod(0o600)
    try:
        file.replace(target)
    except OSError as exc:
        if exc.errno != errno.EXDEV:
            raise
        _copy_in(file, target)
    _sync(target.parent)


def _copy_in(file: Path, target: Path) -> None:
    """From another file system: whole under another name first, so that what bears the id is never half."""
    half = target.with_name(target.name + _HALF)
    try:
        shutil.copyfile(file, half)
        half.chmod(0o600)
        _sync(half)
        half.replace(target)
    except BaseException:
        half.unlink(missing_ok=True)
        raise
    file.unlink()


def _sync(path: Path) -> None:
    opened = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
