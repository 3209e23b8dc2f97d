"""Recordings as files in one folder, within a budget of bytes; a name is a job id and nothing else."""

from __future__ import annotations

import asyncio
import errno
import math
import os
import secrets
import shutil
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from uuid import UUID

from common.errors import AudioGone, JobNotFound, StorageFull
from common.ports import UploadTicket
from common.storage_budget import Reservation, StorageBudget
from common.upload.ticket import UploadTickets

_DISK_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_PARTIAL = ".half"
_BATCH = 500


class AudioFolder:
    """`AudioStore` in `root`, at most `budget_bytes` of it. Made without effect: call `open` first.

    Give it received files from the same file system: those are renamed, others must be copied.
    """

    def __init__(self, root: Path, *, budget_bytes: int, tickets: UploadTickets) -> None:
        self._root = root
        self._budget = StorageBudget(budget_bytes)
        self._tickets = tickets

    @property
    def problem(self) -> None:
        """A folder's trouble shows at each call."""

    @property
    def used_bytes(self) -> int:
        return self._budget.used_bytes

    async def open(self) -> None:
        """Make the folder, remove what a kill left half copied, count what is there."""
        await asyncio.to_thread(_prepare_folder, self._root)
        await self._recount()

    async def keep(self, job_id: str, file: Path) -> None:
        target = self._path(job_id)
        try:
            await asyncio.to_thread(self._keep, file, target)
        except OSError as exc:
            if exc.errno in _DISK_FULL:
                raise StorageFull from exc
            raise

    async def fetch(self, job_id: str, folder: Path) -> Path:  # noqa: ARG002 - the file itself is local
        path = self._path(job_id)
        if not path.is_file():
            raise AudioGone
        return path

    async def has(self, job_id: str) -> bool:
        return self._path(job_id).is_file()

    async def has_upload(self, job_id: str) -> bool:  # noqa: ARG002
        """What a client posts comes to this process, which keeps it at once."""
        return False

    async def adopt(self, job_id: str, *, max_bytes: int) -> None:
        """No ticket of this store has a `direct_url`."""

    async def remove(self, job_id: str) -> None:
        path = self._path(job_id)
        await asyncio.to_thread(self._budget.change, lambda: -_delete(path))

    async def ticket(
        self,
        job_id: str,
        *,
        max_bytes: int,
        now: float,
        until: float = math.inf,
        size_bytes: int = 0,  # noqa: ARG002
    ) -> UploadTicket:
        self._path(job_id)
        return self._tickets.issue(job_id, max_bytes=max_bytes, now=now, until=until)

    def admit(self, job_id: str, fields: Mapping[str, str], *, now: float) -> int:
        return self._tickets.check(job_id, fields, now=now)

    async def sweep(self, find_needed: Callable[[list[str]], Awaitable[set[str]]]) -> int:
        """Remove recordings that no job needs, and count again what stays; returns how many were removed.

        `find_needed` answers which of some job ids still need theirs. A job is made before its recording is
        kept, so a recording without a job was left by a kill.
        """
        job_ids = await asyncio.to_thread(_job_ids, self._root)
        removed = 0
        for first in range(0, len(job_ids), _BATCH):
            batch = job_ids[first : first + _BATCH]
            for job_id in set(batch) - await find_needed(batch):
                await self.remove(job_id)
                removed += 1
        await self._recount()
        return removed

    async def _recount(self) -> None:
        await asyncio.to_thread(self._budget.recount, lambda: _count_bytes(self._root))

    def _keep(self, file: Path, target: Path) -> None:
        """In a thread, to its end even where the caller was cancelled: file and account change together."""
        with self._budget.reserve(lambda: _size(file) - _size(target)) as reservation:
            _sync(file)
            file.chmod(0o600)
            try:
                reservation.store(lambda: _replace(file, target))
            except OSError as exc:
                if exc.errno != errno.EXDEV:
                    raise
                _copy_in(file, target, reservation)
        _sync(target.parent)

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


def _prepare_folder(root: Path) -> None:
    root.mkdir(mode=0o700, parents=True, exist_ok=True)
    for partial in root.glob(f"*{_PARTIAL}"):
        partial.unlink(missing_ok=True)


def _job_ids(root: Path) -> list[str]:
    with os.scandir(root) as entries:
        return [entry.name for entry in entries if _is_job_id(entry.name)]


def _count_bytes(root: Path) -> int:
    return sum(_size(root / job_id) for job_id in _job_ids(root))


def _size(file: Path) -> int:
    """0 for a file that was removed meanwhile."""
    try:
        return file.stat().st_size
    except FileNotFoundError:
        return 0


def _delete(file: Path) -> int:
    """How many bytes that freed."""
    size = _size(file)
    file.unlink(missing_ok=True)
    return size


def _replace(file: Path, target: Path) -> int:
    """By how many bytes the target's folder grew."""
    before = _size(target)
    file.replace(target)
    return _size(target) - before


def _copy_in(file: Path, target: Path, reservation: Reservation) -> None:
    """From another file system: first whole under another name, so that no recording is ever partial."""
    partial = target.with_name(f"{target.name}.{secrets.token_hex(4)}{_PARTIAL}")
    try:
        shutil.copyfile(file, partial)
        partial.chmod(0o600)
        _sync(partial)
        reservation.store(lambda: _replace(partial, target))
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
    file.unlink()


def _sync(path: Path) -> None:
    opened = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
