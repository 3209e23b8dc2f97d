"""Reads how long a FLAC file lasts, from its header and its last frame, which must agree (RFC 9639)."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from common.audio.formats.holes import has_hole
from common.audio.formats.scan import MOST_PARTS, Part, Scan
from common.errors import AudioTooCostly

_START = b"fLaC\0\0\0\x22"  # and the header of STREAMINFO, which is always the first block
_START_LAST = b"fLaC\x80\0\0\x22"  # where it is the only one
_BLOCK_BYTES = 256 * 1024
_TAIL_BYTES = 128 * 1024
_MOST_BLOCKS = 1_000  # of metadata
# Samples of a frame, by the code in its header.
_SIZES = {1: 192}
_SIZES |= {code: 576 << code - 2 for code in range(2, 6)} | {code: 256 << code - 8 for code in range(8, 16)}


@dataclass(frozen=True, slots=True)
class _StreamInfo:
    start: int  # where it lies in the file
    block: int  # samples of a frame; 0 where they vary
    rate: int
    channels: int
    samples: int


def scan_flac(file: BinaryIO, size: int) -> Scan | None:
    """None where the header does not know how long the recording lasts, or its last frame says otherwise."""
    infos = [_read_info(file, start) for start in _starts(file, size)]
    ends = [info.start for info in infos[1:]] + [size]
    if not infos or infos[0].start != 0 or not all(info.samples and info.rate for info in infos):
        return None
    if not all(_ends_as_claimed(file, info, end) for info, end in zip(infos, ends, strict=True)):
        return None
    parts = [Part(info.start, end, info.samples / info.rate) for info, end in zip(infos, ends, strict=True)]
    return Scan(
        container="flac",
        codec="flac",
        sample_rate=infos[0].rate,
        channels=max(info.channels for info in infos),
        parts=tuple(parts),
        is_damaged=any(has_hole(file, _first_frame(file, part.start), part.end) for part in parts),
    )


def _starts(file: BinaryIO, size: int) -> Iterator[int]:
    """Where a FLAC file begins in this one: files that were joined have several."""
    found = 0
    for at in range(0, size, _BLOCK_BYTES):
        block = os.pread(file.fileno(), _BLOCK_BYTES + len(_START) - 1, at)
        place = block.find(_START[:4])
        while place >= 0:
            if block[place : place + 8] in {_START, _START_LAST}:
                found += 1
                if found > MOST_PARTS:
                    raise AudioTooCostly
                yield at + place
            place = block.find(_START[:4], place + 4)


def _read_info(file: BinaryIO, start: int) -> _StreamInfo:
    info = os.pread(file.fileno(), 34, start + 8)
    least, most = int.from_bytes(info[:2]), int.from_bytes(info[2:4])
    fields = int.from_bytes(info[10:18])  # 20 bits rate, 3 channels, 5 depth, 36 samples
    return _StreamInfo(
        start, most if least == most else 0, fields >> 44, (fields >> 41 & 7) + 1, fields & (1 << 36) - 1
    )


def _first_frame(file: BinaryIO, start: int) -> int:
    """Where the sound begins, after tags, pictures and padding."""
    at = start + 4
    for _ in range(_MOST_BLOCKS):
        head = os.pread(file.fileno(), 4, at)
        at += 4 + int.from_bytes(head[1:])
        if not head or head[0] & 0x80:
            break
    return at


def _ends_as_claimed(file: BinaryIO, info: _StreamInfo, end: int) -> bool:
    """Whether a frame near the end is the one with which `info.samples` are complete."""
    begin = max(info.start, end - _TAIL_BYTES)
    tail = os.pread(file.fileno(), end - begin, begin)
    place = tail.rfind(b"\xff")
    while place >= 0:
        if (last := _end_of_frame(tail[place : place + 16], info.block)) is not None:
            return last == info.samples
        place = tail.rfind(b"\xff", 0, place)
    return False


def _end_of_frame(head: bytes, block: int) -> int | None:
    """How many samples are complete with the frame that begins with `head`; None if none does."""
    if len(head) < 6 or head[1] & 0xFE != 0xF8 or head[3] & 1:
        return None
    is_variable, code, rate_code = head[1] & 1, head[2] >> 4, head[2] & 15
    length = max(1, 8 - (~head[4] & 0xFF).bit_length())  # of the number, which is coded as UTF-8 is
    number = head[4] & (0x7F >> length if length > 1 else 0x7F)
    for byte in head[5 : 4 + length]:
        number = number << 6 | byte & 0x3F
    at = 4 + length
    extra = {6: 1, 7: 2}.get(code, 0)
    size = int.from_bytes(head[at : at + extra]) + 1 if extra else _SIZES.get(code)
    at += extra + {12: 1, 13: 2, 14: 2}.get(rate_code, 0)
    if size is None or at >= len(head) or _crc8(head[:at]) != head[at]:
        return None
    return (number if is_variable else number * block) + size


def _crc8(data: bytes) -> int:
    crc = 0
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc << 1 ^ 7 if crc & 0x80 else crc << 1) & 0xFF
    return crc
