"""Writes the head of an m4a with one track of AAC (ISO/IEC 14496-12), which its samples follow."""

from __future__ import annotations

import struct
from array import array
from dataclasses import dataclass

from common.audio.formats.mp4 import big_endian, total_of

_UNITY = struct.pack(">9I", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)  # the matrix of a picture


@dataclass(frozen=True, slots=True)
class AacTrack:
    """`entry`: the sample entry; `sizes` in bytes; `durations`: the numbers of stts; `skip`: not played.

    `durations` and `skip` count in units of which a second has `timescale`.
    """

    timescale: int
    entry: bytes
    sizes: array[int]
    durations: tuple[int, ...]
    skip: int

    @property
    def total(self) -> int:
        return total_of(self.durations)


def write_head(track: AacTrack) -> bytes:
    """ftyp, moov, and the header of mdat."""
    brand = _box(b"ftyp", b"M4A ", bytes(4), b"M4A isom")
    size = len(_moov(track, 0))  # which depends on no offset
    samples = struct.pack(">I4s", sum(track.sizes) + 8, b"mdat")
    return brand + _moov(track, len(brand) + size + len(samples)) + samples


def _moov(track: AacTrack, offset: int) -> bytes:
    played = track.total - track.skip
    movie = struct.pack(">5IIHH8x", 0, 0, 0, track.timescale, played, 0x10000, 0x100, 0)
    header = struct.pack(">6I8x4H", 7, 0, 0, 1, 0, played, 0, 0, 0x100, 0)
    edit = struct.pack(">4IHH", 0, 1, played, track.skip, 1, 0)
    return _box(
        b"moov",
        _box(b"mvhd", movie, _UNITY, bytes(24), struct.pack(">I", 2)),
        _box(
            b"trak",
            _box(b"tkhd", header, _UNITY, bytes(8)),
            _box(b"edts", _box(b"elst", edit)),
            _media(track, offset),
        ),
    )


def _media(track: AacTrack, offset: int) -> bytes:
    header = struct.pack(">5IHH", 0, 0, 0, track.timescale, track.total, 0x55C4, 0)
    handler = struct.pack(">2I4s13x", 0, 0, b"soun")
    reference = _box(b"dref", struct.pack(">2I", 0, 1), _box(b"url ", struct.pack(">I", 1)))
    tables = _box(
        b"stbl",
        _box(b"stsd", struct.pack(">2I", 0, 1), track.entry),
        _box(
            b"stts",
            struct.pack(">2I", 0, len(track.durations) // 2),
            big_endian(array("I", track.durations)),
        ),
        _box(b"stsc", struct.pack(">5I", 0, 1, 1, len(track.sizes), 1)),
        _box(b"stsz", struct.pack(">3I", 0, 0, len(track.sizes)), big_endian(track.sizes)),
        _box(b"stco", struct.pack(">3I", 0, 1, offset)),
    )
    information = _box(b"minf", _box(b"smhd", bytes(8)), _box(b"dinf", reference), tables)
    return _box(b"mdia", _box(b"mdhd", header), _box(b"hdlr", handler), information)


def _box(kind: bytes, *inside: bytes) -> bytes:
    body = b"".join(inside)
    return struct.pack(">I", 8 + len(body)) + kind + body
