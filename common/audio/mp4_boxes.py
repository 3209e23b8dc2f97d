"""Reads the types of an mp4's tracks from its boxes (ISO/IEC 14496-12), which ffmpeg's log does not show."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

# Types of sample entries whose sound is encrypted: Common Encryption, and Audible's and Apple's own.
_PROTECTED = frozenset({b"enca", b"aavd", b"drms"})
_PARENTS = frozenset({b"moov", b"trak", b"mdia", b"minf", b"stbl"})
_MOST_BOXES = 2_000  # a hostile file may hold millions of empty ones


def is_protected(path: Path) -> bool:
    """Whether a track of the file is encrypted."""
    with path.open("rb") as file:
        end = file.seek(0, 2)
        return any(kind in _PROTECTED for kind in _sample_entries(file, end))


def _sample_entries(file: BinaryIO, end: int) -> Iterator[bytes]:
    """The type of the first sample entry of each track."""
    position, ends = 0, [end]
    for _ in range(_MOST_BOXES):
        while ends and position + 8 > ends[-1]:
            position = ends.pop()
        if not ends:
            return
        kind, body, position_after = _read_box(file, position, ends[-1])
        if kind == b"stsd":  # version, flags, count; then the size and type of the first entry
            file.seek(body + 12)
            yield file.read(4)
        if kind in _PARENTS:
            ends.append(position_after)
            position = body
        else:
            position = position_after


def _read_box(file: BinaryIO, position: int, end: int) -> tuple[bytes, int, int]:
    """The type of the box at `position`, where its body begins, and where it ends: never past `end`."""
    file.seek(position)
    head = file.read(16)
    size, body = int.from_bytes(head[:4]), position + 8
    if size == 1:
        size, body = int.from_bytes(head[8:16]), position + 16
    after = position + size if size >= body - position else end  # 0 means: to the end
    return head[4:8], body, min(after, end)
