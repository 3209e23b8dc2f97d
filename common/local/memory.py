"""Buffers freed and wanted again a moment later stay here: docs/decisions/receiving-uploads.md."""

from __future__ import annotations

MB = 1024 * 1024

# Of glibc's malloc.h; what they mean: mallopt(3).
_M_TRIM_THRESHOLD = -1
_M_MMAP_THRESHOLD = -3
_M_ARENA_MAX = -8


def reuse_memory() -> bool:
    """Whether this C library could be told so; glibc alone can.

    Left alone it maps each buffer of an upload anew and gives it back at once, and the kernel's zeroing of
    every page again costs a sixth of receiving. What this keeps at most is `_M_TRIM_THRESHOLD`'s 8 MB.
    """
    import ctypes

    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False
    wanted = {_M_MMAP_THRESHOLD: 4 * MB, _M_TRIM_THRESHOLD: 8 * MB, _M_ARENA_MAX: 2}
    return all(mallopt(name, value) == 1 for name, value in wanted.items())
