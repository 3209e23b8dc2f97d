"""Reads the frames of AAC in ADTS (ISO 14496-3, 1.A.2.2)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import BinaryIO

from common.audio.formats.frames import ALL, FrameFormat, walk_frames
from common.audio.formats.scan import Scan

RATES = (
    *(96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050),
    *(16_000, 12_000, 11_025, 8_000, 7_350),
)  # Hz, by the index in a header
_MOST_JUNK = 4096  # bytes


@dataclass(frozen=True, slots=True)
class AdtsFormat:
    """`third` and `fourth` are the bits of those bytes that hold profile, rate and channels."""

    key: tuple[int, int]
    rate: int
    channels: int
    third: int
    fourth: int
    samples: int = 1024

    def walk(self, block: bytes, at: int, limit: int, most: int = ALL) -> tuple[int, int]:
        third, fourth, frames = self.third, self.fourth, 0
        while at < limit and frames < most:
            if block[at] != 0xFF or block[at + 1] & 0xF6 != 0xF0:
                break
            if block[at + 2] & 0xFD != third or block[at + 3] & 0xC0 != fourth:
                break
            length = (block[at + 3] & 3) << 11 | block[at + 4] << 3 | block[at + 5] >> 5
            if length < 7 or block[at + 6] & 3:  # several blocks in one frame: ffmpeg shall look
                break
            at += length
            frames += 1
        return at, frames


def read_adts_format(block: bytes, at: int) -> FrameFormat | None:
    """The format of the frame that begins at `at`; None if none does."""
    if block[at] != 0xFF or block[at + 1] & 0xF6 != 0xF0:
        return None
    third, fourth = block[at + 2] & 0xFD, block[at + 3] & 0xC0
    index, channels = third >> 2 & 15, (third & 1) << 2 | fourth >> 6
    if index >= len(RATES) or not channels:
        return None
    rate = RATES[index]
    return AdtsFormat((rate, channels), rate, 8 if channels == 7 else channels, third, fourth)


def scan_adts(file: BinaryIO, size: int) -> Scan | None:
    """None unless the file is plainly one of ADTS frames."""
    walk = walk_frames(file, size, read_adts_format)
    if walk is None:
        return None
    return Scan(
        container="aac",
        codec="aac",
        sample_rate=walk.stretches[0].format.rate,
        channels=max(stretch.format.channels for stretch in walk.stretches),
        parts=tuple(stretch.part() for stretch in walk.stretches),
        is_damaged=walk.junk_bytes > _MOST_JUNK,
    )
