"""Finds stretches of zeros in coded sound: what a download or a disk leaves in place of lost bytes."""

from __future__ import annotations

import os
from pathlib import Path
from typing import BinaryIO

_STEP = 8 * 1024  # bytes; any hole that is longer is found
_SAMPLE = 64
# In other codecs, zeros may be silence.
_NEVER_ZERO = frozenset({"aac", "ac3", "eac3", "flac", "mp2", "mp3", "opus", "vorbis"})
_MOST_HEADER_BYTES = 64 * 1024  # at the start and the end, where containers have room for tags and indexes


def has_hole(file: BinaryIO, start: int, end: int) -> bool:
    """Whether some 8 KB from `start` to `end` are nothing but zeros, which no coded sound is."""
    zeros, whole = bytes(_SAMPLE), bytes(_STEP)
    for at in range(start, end - _STEP, _STEP):
        if os.pread(file.fileno(), _SAMPLE, at) == zeros:
            block = os.pread(file.fileno(), 2 * _STEP, max(start, at - _STEP))
            after = os.pread(file.fileno(), _STEP, at)
            if whole[: _STEP // 2] in block or whole[: _STEP // 2] in after:
                return True
    return False


def has_hole_in(path: Path, codec: str) -> bool:
    """Whether a file whose sound is coded by `codec` has a hole."""
    if codec not in _NEVER_ZERO:
        return False
    with path.open("rb", buffering=0) as file:
        size = file.seek(0, os.SEEK_END)
        return has_hole(file, min(_MOST_HEADER_BYTES, size // 4), size - min(_MOST_HEADER_BYTES, size // 4))
