"""The file that an upload is written to: it buffers blocks and writes half a megabyte at a time."""

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
_WRITE_BLOCKS = 256  # below IOV_MAX; also limits the memory of many tiny blocks
_STALL = 0.02  # seconds; a write into the page cache takes a hundredth of it


class UploadFile:
    """A new file at `path`, readable by its owner only, of at most `max_bytes`."""

    def __init__(self, path: Path, max_bytes: int, *, digest: bool = False) -> None:
        self.path = path
        self.max_bytes = max_bytes
        self.size_bytes = 0
        self.hash = hashlib.sha256() if digest else None
        self._descriptor = -1
        self._blocks: list[memoryview] = []
        self._buffered_bytes = 0
        self._disk_is_slow = False

    def open(self) -> None:
        """Create the file. Raises StorageFull, and FileExistsError where a file exists already."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        with _disk_errors():
            self._descriptor = os.open(self.path, flags, 0o600)

    def add(self, block: memoryview) -> None:
        """Buffer `block` for the next write. Raises UploadTooLarge."""
        self.size_bytes += len(block)
        if self.size_bytes > self.max_bytes:
            raise self.too_large()
        self._blocks.append(block)
        self._buffered_bytes += len(block)

    @property
    def is_flush_due(self) -> bool:
        return self._buffered_bytes >= _WRITE_BYTES or len(self._blocks) >= _WRITE_BLOCKS

    async def flush(self) -> None:
        """Write the buffer: on the event loop, and in a thread once a write has blocked.

        A write into the page cache takes 0.1 ms, and switching to a thread and back costs as much CPU as
        receiving: docs/decisions/receiving-uploads.md. But a slow disk must not delay /health.
        """
        blocks, self._blocks, self._buffered_bytes = self._blocks, [], 0
        if not blocks:
            return
        with _disk_errors():
            if self._disk_is_slow:
                loop = asyncio.get_running_loop()
                # To its end, since a cancellation closes the descriptor that the thread writes to.
                await run_to_end(loop.run_in_executor(None, self._write, blocks))
            else:
                self._disk_is_slow = _did_block(lambda: self._write(blocks))

    def unwritten(self) -> bytes:
        """What is in the buffer: of a small file, all of it."""
        return b"".join(self._blocks)

    def too_large(self) -> UploadTooLarge:
        return UploadTooLarge(limit_mb=f"{self.max_bytes / MB:g}")

    def close(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def discard(self) -> None:
        """Delete the file, if `open` created it."""
        if self._descriptor >= 0:
            self.close()
            self.path.unlink(missing_ok=True)

    def _write(self, blocks: list[memoryview]) -> None:
        if self.hash:
            for block in blocks:
                self.hash.update(block)
        while blocks:
            blocks = _unwritten(blocks, os.writev(self._descriptor, blocks))


@contextlib.contextmanager
def _disk_errors() -> Iterator[None]:
    """Raise StorageFull where the disk is full."""
    try:
        yield
    except OSError as exc:
        if exc.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}:
            raise StorageFull from exc
        raise


def _unwritten(blocks: list[memoryview], written: int) -> list[memoryview]:
    """What remains after `written` bytes; a disk that is nearly full takes only a part."""
    for index, block in enumerate(blocks):
        if written < len(block):
            return [block[written:], *blocks[index + 1 :]]
        written -= len(block)
    return []


def _did_block(write: Callable[[], None]) -> bool:
    """Run `write`; whether it took long because this thread slept, not because others used the CPU."""
    start, switches = time.monotonic(), _voluntary_switches()
    write()
    return time.monotonic() - start > _STALL and _voluntary_switches() > switches


def _voluntary_switches() -> int:
    """How often this thread has given up the CPU by itself; outside Linux, the whole process."""
    return resource.getrusage(getattr(resource, "RUSAGE_THREAD", resource.RUSAGE_SELF)).ru_nvcsw
