"""The file an upload is written to: pieces gather, and go to disk half a megabyte at a time."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import hashlib
import os
import resource
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from common.cancellation import run_to_end
from common.errors import StorageFull, UploadTooLarge

MB = 1024 * 1024
_WRITE_BYTES = MB // 2
_WRITE_PIECES = 256  # below IOV_MAX, and bounds what one-byte pieces weigh while they wait
_STALL = 0.02  # seconds; a write into memory takes a hundredth of it


class UploadFile:
    """A new file at `path`, readable by us alone, that takes at most `max_bytes`."""

    def __init__(self, path: Path, max_bytes: int, *, digest: bool = False) -> None:
        self.path = path
        self.max_bytes = max_bytes
        self.size_bytes = 0
        self.hash = hashlib.sha256() if digest else None
        self._descriptor = -1
        self._pieces: list[memoryview] = []
        self._waiting_bytes = 0
        self._disk_is_slow = False

    def open(self) -> None:
        """Raises StorageFull, and FileExistsError rather than touch what is there."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        with _storage():
            self._descriptor = os.open(self.path, flags, 0o600)

    def add(self, piece: memoryview) -> None:
        """Keep `piece` for the next write; raises UploadTooLarge."""
        self.size_bytes += len(piece)
        if self.size_bytes > self.max_bytes:
            raise self.too_large()
        self._pieces.append(piece)
        self._waiting_bytes += len(piece)

    @property
    def wants_flush(self) -> bool:
        return self._waiting_bytes >= _WRITE_BYTES or len(self._pieces) >= _WRITE_PIECES

    async def flush(self) -> None:
        """Write what waits: in the event loop, or once the disk has made us wait, in a thread.

        Into the page cache a write takes 0.1 ms, and the way to a thread and back costs as much CPU as all of
        receiving: docs/decisions/receiving-uploads.md. A disk that stalls must not make /health wait, though.
        """
        pieces, self._pieces, self._waiting_bytes = self._pieces, [], 0
        if not pieces:
            return
        with _storage():
            if self._disk_is_slow:
                loop = asyncio.get_running_loop()
                # To its end: a cancellation closes the descriptor, and not while the thread writes to it.
                await run_to_end(loop.run_in_executor(None, self._write, pieces))
            else:
                self._disk_is_slow = _stalls(lambda: self._write(pieces))

    def too_large(self) -> UploadTooLarge:
        return UploadTooLarge(limit_mb=f"{self.max_bytes / MB:g}")

    def close(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def discard(self) -> None:
        """Delete the file, if it was we who made it."""
        if self._descriptor >= 0:
            self.close()
            self.path.unlink(missing_ok=True)

    def _write(self, pieces: list[memoryview]) -> None:
        if self.hash:
            for piece in pieces:
                self.hash.update(piece)
        while pieces:
            pieces = _after(pieces, os.writev(self._descriptor, pieces))


@contextlib.contextmanager
def _storage() -> Iterator[None]:
    try:
        yield
    except OSError as exc:
        if exc.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}:
            raise StorageFull from exc
        raise


def _after(pieces: list[memoryview], written: int) -> list[memoryview]:
    """What is left of `pieces` once `written` bytes are on disk; a filling disk takes only some."""
    for index, piece in enumerate(pieces):
        if written < len(piece):
            return [piece[written:], *pieces[index + 1 :]]
        written -= len(piece)
    return []


def _stalls(write: Callable[[], None]) -> bool:
    """Whether `write` kept us asleep: long by the clock, and not because the CPU was given to others."""
    began, slept = time.monotonic(), _times_slept()
    write()
    return time.monotonic() - began > _STALL and _times_slept() > slept


def _times_slept() -> int:
    """How often this thread gave its CPU away by itself; where only Linux could tell, the whole process."""
    return resource.getrusage(getattr(resource, "RUSAGE_THREAD", resource.RUSAGE_SELF)).ru_nvcsw
