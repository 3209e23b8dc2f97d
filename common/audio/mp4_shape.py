"""Refuses an mp4 made of more tiny boxes than any recording has, before ffmpeg spends seconds on them.

20 MB of empty boxes are 2.6 million, at which ffmpeg works for 2 s of CPU; a real file has some hundred.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from common.errors import AudioUnreadable

_BEGINNINGS = frozenset({b"ftyp", b"free", b"skip", b"wide", b"moov", b"mdat", b"moof", b"pnot", b"styp"})
# What holds boxes and is not repeated for each fragment of a recording.
_PARENTS = frozenset({b"moov", b"trak", b"mdia", b"minf", b"stbl", b"edts", b"udta", b"dinf"})
_TINY_BYTES = 24
_MOST_TINY = 2_000
_MOST_SEEN = 20_000  # a recording in many small fragments has more, each of some size


def check_shape(path: Path) -> None:
    """Raises AudioUnreadable."""
    with path.open("rb") as file:
        if file.read(8)[4:] not in _BEGINNINGS:
            return
        tiny = 0
        for size_bytes in _box_sizes(file, file.seek(0, 2)):
            tiny += size_bytes <= _TINY_BYTES
            if tiny > _MOST_TINY:
                raise AudioUnreadable


def _box_sizes(file: BinaryIO, end: int) -> Iterator[int]:
    """The sizes of the boxes of the file and of its movie, in their order."""
    position, ends = 0, [end]
    for _ in range(_MOST_SEEN):
        while ends and position + 8 > ends[-1]:
            position = ends.pop()
        if not ends:
            return
        file.seek(position)
        head = file.read(16)
        size_bytes, kind, head_bytes = int.from_bytes(head[:4]), head[4:8], 8
        if size_bytes == 1:
            size_bytes, head_bytes = int.from_bytes(head[8:16]), 16
        if size_bytes < head_bytes:  # 0: to the end
            return
        yield size_bytes
        after = min(position + size_bytes, ends[-1])
        if kind in _PARENTS:
            ends.append(after)
            position += head_bytes
        else:
            position = after
