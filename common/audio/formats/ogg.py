"""Walks the pages of Ogg files with Opus or Vorbis (RFC 3533): each chained recording, and its duration."""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass, field
from typing import BinaryIO, cast

from common.audio.formats.scan import MOST_PARTS, Part, Scan
from common.errors import AudioTooCostly

_PAGE = struct.Struct("<5xBqII4xB")  # flags, granule, serial, number, segments
_CONTINUED, _FIRST_PAGE = 1, 2  # flags
_BLOCK_BYTES = 256 * 1024
_MOST_HEADER_BYTES = _PAGE.size + 255 + 64  # with the head of the first packet
_OPUS_RATE = 48_000
_LATE = 10 * _OPUS_RATE  # a first page that ends later: the recording is a part of a longer stream
# By the first byte of a packet (RFC 6716, 3.1): frames at least and at most, and samples of one at 48 kHz.
_OPUS_COUNTS = ((1, 1), (2, 2), (2, 2), (1, 48))
_OPUS_MOST = 5760
_OPUS_FRAMES = (*(480, 960, 1920, 2880) * 3, *(480, 960) * 2, *(120, 240, 480, 960) * 4)


@dataclass(slots=True)
class _Link:
    """One of the recordings: `granule` is where it ends, `least` and `most` what its packets can last."""

    codec: str
    rate: int
    channels: int
    start: int
    end: int
    skip: int = 0  # samples at the start that are not played
    headers: int = 2  # packets still to come that are no sound
    blocks: tuple[int, int] = (0, 0)  # the least and the most samples of a Vorbis packet
    toc: int = 0  # the first byte of an Opus packet
    granule: int = 0
    least: int = 0
    most: int = 0

    @property
    def clock(self) -> int:
        return _OPUS_RATE if self.codec == "opus" else self.rate

    @property
    def is_consistent(self) -> bool:
        """Whether the packets can last as long as the pages say."""
        return 0.8 * self.least <= self.granule + self.clock and self.granule <= 1.2 * self.most + self.clock

    @property
    def seconds(self) -> float:
        return max(0, self.granule - self.skip) / self.clock


@dataclass(slots=True)
class _Walk:
    links: list[_Link] = field(default_factory=list)
    serial: int = -1
    number: int = -1
    is_damaged: bool = False
    is_cut_off: bool = False


def scan_ogg(file: BinaryIO, size: int) -> Scan | None:
    """None unless all pages are those of one track of Opus or Vorbis after another."""
    walk = _Walk()
    if not _walk_pages(file, size, walk) or not walk.links:
        return None
    if not all(link.is_consistent for link in walk.links):
        return None
    first = walk.links[0]
    return Scan(
        container="ogg",
        codec=first.codec,
        sample_rate=first.clock,
        channels=max(link.channels for link in walk.links),
        parts=tuple(Part(link.start, link.end, link.seconds) for link in walk.links),
        is_damaged=walk.is_damaged,
        is_cut_off=walk.is_cut_off,
    )


def _walk_pages(file: BinaryIO, size: int, walk: _Walk) -> bool:
    """Read every page; False where something is not as expected."""
    at, block, base = 0, b"", 0
    while at < size:
        if at + _MOST_HEADER_BYTES > base + len(block):
            block, base = os.pread(file.fileno(), _BLOCK_BYTES, at), at
        page = at - base
        if block[page : page + 4] != b"OggS" or len(block) < page + _PAGE.size:
            if not walk.links or (following := _next_page(file, at, size)) is None:
                walk.is_damaged |= size - at > _MOST_HEADER_BYTES
                return bool(walk.links)
            walk.is_damaged, at = True, following
            continue
        length = _read_page(block, page, at, walk)
        if length is None:
            return False
        at += length
        walk.links[-1].end = min(at, size)
    walk.is_cut_off = at > size
    return True


def _read_page(block: bytes, page: int, at: int, walk: _Walk) -> int | None:
    """Take one page into the walk; return its length, or None where ffmpeg shall look."""
    flags, granule, serial, number, segments = cast("tuple[int, ...]", _PAGE.unpack_from(block, page))
    table: bytes = block[page + _PAGE.size : page + _PAGE.size + segments]
    body = page + _PAGE.size + segments
    if flags & _FIRST_PAGE:
        if walk.links and walk.links[-1].headers:
            return None  # several tracks side by side
        if len(walk.links) >= MOST_PARTS:
            raise AudioTooCostly
        link = _read_head(block[body : body + 64], at)
        if link is None:
            return None
        walk.links.append(link)
        walk.serial, walk.number = serial, number
        return _PAGE.size + segments + sum(table)
    if not walk.links or serial != walk.serial:
        return None
    walk.is_damaged |= number != walk.number + 1
    walk.number = number
    link = walk.links[-1]
    if not flags & _CONTINUED and body < len(block):
        link.toc = block[body]
    _count_packets(link, len(table) - table.count(255), granule)
    return _PAGE.size + segments + sum(table)


def _count_packets(link: _Link, packets: int, granule: int) -> None:
    """Add the packets that end on a page to what the link can last."""
    headers = min(packets, link.headers)
    link.headers -= headers
    if not headers:
        least, most = _packet_samples(link)
        link.least += packets * least
        link.most += packets * most
        if link.granule == 0 and granule > _LATE + link.most:
            link.least = 2**62  # a part of a longer stream: ffmpeg knows where it begins
    link.granule = max(link.granule, granule)


def _packet_samples(link: _Link) -> tuple[int, int]:
    """The least and the most samples that one packet holds."""
    if link.codec == "vorbis":
        return link.blocks
    samples = _OPUS_FRAMES[link.toc >> 3]
    least, most = _OPUS_COUNTS[link.toc & 3]
    return least * samples, min(most * samples, _OPUS_MOST)


def _read_head(head: bytes, at: int) -> _Link | None:
    """The link whose first packet begins with `head`; None if it is neither Opus nor Vorbis."""
    if head[:8] == b"OpusHead" and len(head) >= 19:
        skip = int.from_bytes(head[10:12], "little")
        return _Link("opus", _OPUS_RATE, head[9], at, at, skip=skip, headers=1)
    if head[:7] == b"\x01vorbis" and len(head) >= 30:
        rate, sizes = int.from_bytes(head[12:16], "little"), head[28]
        short, long = 1 << (sizes & 15), 1 << (sizes >> 4)
        return _Link("vorbis", rate, head[11], at, at, blocks=(short // 2, long // 2)) if rate else None
    return None


def _next_page(file: BinaryIO, at: int, size: int) -> int | None:
    """Where the next page begins after bytes that are none."""
    while at < size:
        block = os.pread(file.fileno(), _BLOCK_BYTES, at)
        if (found := block.find(b"OggS\0")) >= 0:
            return at + found
        at += max(1, len(block) - 4)
    return None
