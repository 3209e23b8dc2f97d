"""Tells from the frames of a stereo mp3, without decoding, that its two sides do not cancel each other.

Where the sides are alike, encoders store their sum and their difference (ISO 11172-3, 2.4.3.4.9.2), each with
its own number of bits in the frame: sides that cancel have next to none for the sum.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from common.audio.formats.frames import FrameSearch
from common.audio.formats.mp3 import Mp3Format, read_mp3_format

_PLACES = (0.0, 0.2, 0.4, 0.6, 0.8)  # shares of the file
_FRAMES = 60  # that are read at each place
_FEWEST = 50  # frames with sound that make it certain
_SHARE = 0.9  # of them, with more bits for the sum
_BLOCK_BYTES = 128 * 1024
_HEAD_BYTES = 40  # of a frame: its header, and the lengths of its channels


@dataclass(slots=True)
class _Count:
    with_sound: int = 0
    with_more_sum: int = 0


def is_mix_audible(path: Path) -> bool:
    """Whether a mix of the sides certainly has their sound; False where only decoding can tell."""
    count = _Count()
    with path.open("rb", buffering=0) as file:
        size = file.seek(0, os.SEEK_END)
        search = FrameSearch(file, size, read_mp3_format)
        for place in _PLACES:
            found = search.find(int(place * size), within=_BLOCK_BYTES) if place else search.first()
            if found is None or not isinstance(found[1], Mp3Format) or found[1].channels != 2:
                return False
            _count_frames(os.pread(file.fileno(), _BLOCK_BYTES, found[0]), found[1], count)
    return count.with_sound >= _FEWEST and count.with_more_sum >= _SHARE * count.with_sound


def _count_frames(block: bytes, format_: Mp3Format, count: _Count) -> None:
    at, last = 0, len(block) - _HEAD_BYTES
    for _ in range(_FRAMES):
        if at > last:
            return
        _count_frame(block[at : at + _HEAD_BYTES], format_, count)
        at, frames = format_.walk(block, at, last, 1)
        if not frames:
            return


def _count_frame(head: bytes, format_: Mp3Format, count: _Count) -> None:
    """Compare the lengths of the two channels in the first granule."""
    is_mpeg1 = format_.samples == 1152
    side = head[4 if head[1] & 1 else 6 :]
    first, second = (20, 79) if is_mpeg1 else (10, 73)
    bits = int.from_bytes(side[:16])
    lengths = [bits >> 128 - at - 12 & 0xFFF for at in (first, second)]
    values = [bits >> 128 - at - 21 & 0x1FF for at in (first, second)]
    if not any(values):
        return
    count.with_sound += 1
    is_sum = head[3] >> 6 == 1 and head[3] & 0x20
    count.with_more_sum += bool(is_sum and values[0] and lengths[0] >= lengths[1])
