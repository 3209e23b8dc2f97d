"""Keeps the memory of freed buffers for the next ones: docs/decisions/receiving-uploads.md."""

from __future__ import annotations

MB = 1024 * 1024

# Of glibc's malloc.h; what they mean: mallopt(3).
_M_TRIM_THRESHOLD = -1
_M_MMAP_THRESHOLD = -3
_M_ARENA_MAX = -8


def reuse_memory() -> bool:
    """Make malloc keep up to 8 MB of freed memory; False where the C library is not glibc.

    By default malloc maps each buffer of an upload anew and unmaps it at once, and the kernel zeroes every
    page again: a sixth of the CPU that receiving takes.
    """
    import ctypes

    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False
    options = {_M_MMAP_THRESHOLD: 4 * MB, _M_TRIM_THRESHOLD: 8 * MB, _M_ARENA_MAX: 2}
    return all(mallopt(name, value) == 1 for name, value in options.items())
