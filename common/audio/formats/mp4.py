"""Reads the tables of an mp4 or m4a with one track of AAC (ISO/IEC 14496-12): its samples and their times."""

from __future__ import annotations

import os
import struct
import sys
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import BinaryIO

from common.audio.formats.adts import RATES
from common.audio.formats.holes import has_hole
from common.audio.formats.scan import Part, Scan

_MOST_INDEX_BYTES = 16 * 2**20  # of moov: twelve hours of AAC and a picture
_MOST_BOXES = 2_000
_AAC = 0x40  # object type in an esds box (ISO/IEC 14496-1, 7.2.6.6.2)
_EDIT_WITHIN = 0.2  # seconds that an edit list may differ from the samples
_GAP = 0.13  # seconds; a sample that lasts longer precedes a gap


@dataclass(frozen=True, slots=True)
class SampleTable:
    """The samples of a track: their `sizes` in bytes, where their chunks are, how long each lasts.

    `durations`, `chunks` hold the numbers of stts and stsc; `skip` seconds at the start are not played.
    """

    rate: int
    channels: int
    timescale: int
    durations: array[int]
    sizes: array[int]
    offsets: array[int]
    chunks: array[int]
    entry: bytes
    skip: float

    @property
    def seconds(self) -> float:
        return total_of(self.durations) / self.timescale - self.skip

    @property
    def has_gap(self) -> bool:
        usual = self.durations[1] if self.durations else 0
        longest = max(self.durations[1:-2:2], default=0)
        return longest > max(_GAP * self.timescale, 2.5 * usual)


def scan_mp4(file: BinaryIO, size: int) -> Scan | None:
    """None unless the file has exactly one track of AAC, with tables that agree with each other."""
    found = read_mp4(file, size)
    if found is None:
        return None
    table, brand, has_video, media_end = found
    return Scan(
        container="mov",
        codec="aac",
        sample_rate=table.rate,
        channels=table.channels,
        parts=(Part(0, size, table.seconds),),
        brand=brand,
        has_video=has_video,
        has_gap=table.has_gap,
        is_damaged=has_hole(file, min(table.offsets), media_end),
    )


def read_mp4(file: BinaryIO, size: int) -> tuple[SampleTable, str, bool, int] | None:
    """The track of sound, the major brand, whether there is a picture, and where the samples end."""
    top = dict[bytes, tuple[int, int]]()
    for kind, body, end in _file_boxes(file, size):
        if kind in {b"moof", b"moov"} and kind in top:
            return None
        top[kind] = (body, end)
    if not {b"ftyp", b"moov", b"mdat"} <= top.keys() or b"moof" in top or top[b"mdat"][1] > size:
        return None
    body, end = top[b"moov"]
    if end > size or end - body > _MOST_INDEX_BYTES:
        return None
    moov = os.pread(file.fileno(), end - body, body)
    brand = os.pread(file.fileno(), 4, top[b"ftyp"][0]).decode("latin-1").strip()
    try:
        found = _read_moov(moov, size)
    except (struct.error, ValueError, IndexError, KeyError, ZeroDivisionError):
        return None  # a table that is shorter than it says
    return (found[0], brand, found[1], top[b"mdat"][1]) if found else None


def _file_boxes(file: BinaryIO, size: int) -> Iterator[tuple[bytes, int, int]]:
    at = 0
    for _ in range(_MOST_BOXES):
        head = os.pread(file.fileno(), 16, at)
        if len(head) < 8:
            return
        length, body = int.from_bytes(head[:4]), at + 8
        if length == 1:
            length, body = int.from_bytes(head[8:16]), at + 16
        end = at + length if length else size
        if end < body:
            return
        yield head[4:8], body, end
        at = end


def _boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 0
    for _ in range(_MOST_BOXES):
        if at + 8 > len(data):
            return
        length = int.from_bytes(data[at : at + 4])
        if length < 8 or at + length > len(data):
            raise ValueError("a box that does not fit")
        yield data[at + 4 : at + 8], data[at + 8 : at + length]
        at += length


def _read_moov(moov: bytes, size: int) -> tuple[SampleTable, bool] | None:
    boxes = list(_boxes(moov))
    movie = dict(boxes)
    if b"mvex" in movie:
        return None
    tracks = [dict(_boxes(body)) for kind, body in boxes if kind == b"trak"]
    media = [(track, dict(_boxes(track[b"mdia"]))) for track in tracks]
    handlers = [parts[b"hdlr"][8:12] for _, parts in media]
    if handlers.count(b"soun") != 1 or set(handlers) - {b"soun", b"vide"}:
        return None
    track, parts = media[handlers.index(b"soun")]
    table = _read_track(track, parts, size, _movie_scale(movie[b"mvhd"]))
    return (table, b"vide" in handlers) if table else None


def _movie_scale(mvhd: bytes) -> int:
    return int.from_bytes(mvhd[20:24] if mvhd[0] else mvhd[12:16])


def _read_track(
    track: dict[bytes, bytes], media: dict[bytes, bytes], size: int, movie_scale: int
) -> SampleTable | None:
    header = media[b"mdhd"]
    timescale = int.from_bytes(header[20:24] if header[0] else header[12:16])
    tables = dict(_boxes(dict(_boxes(media[b"minf"]))[b"stbl"]))
    entry = tables[b"stsd"][8:]
    config = _read_config(entry) if tables[b"stsd"][4:8] == b"\0\0\0\1" else None
    sizes = _read_sizes(tables[b"stsz"])
    offsets = _numbers(tables[b"stco"], 8, int.from_bytes(tables[b"stco"][4:8]))
    chunks = _numbers(tables[b"stsc"], 8, 3 * int.from_bytes(tables[b"stsc"][4:8]))
    durations = _numbers(tables[b"stts"], 8, 2 * int.from_bytes(tables[b"stts"][4:8]))
    if not config or not sizes or not timescale or sum(durations[::2]) != len(sizes) or sum(sizes) > size:
        return None
    table = SampleTable(*config, timescale, durations, sizes, offsets, chunks, entry, 0.0)
    return _with_edits(table, track, movie_scale) if _is_plausible(table, size) else None


def _is_plausible(table: SampleTable, size: int) -> bool:
    """Whether the samples last as long as those of AAC, and lie within the file.

    They are judged together: where a film was joined, one may last less.
    """
    least = 900 * table.timescale * len(table.sizes)
    return total_of(table.durations) * table.rate >= least and max(table.offsets) < size


def _with_edits(table: SampleTable, track: dict[bytes, bytes], movie_scale: int) -> SampleTable | None:
    """The table, with what an edit list skips at the start; None if it does more than that."""
    if b"edts" not in track:
        return table
    edits = dict(_boxes(track[b"edts"]))[b"elst"]
    if int.from_bytes(edits[4:8]) != 1:
        return None
    length, start, speed = struct.unpack_from(">QqI" if edits[0] else ">IiI", edits, 8)
    if start < 0 or speed != 0x10000:
        return None
    skip = start / table.timescale
    if abs(length / movie_scale - (table.seconds - skip)) > _EDIT_WITHIN:
        return None
    return replace(table, skip=skip)


def _read_config(entry: bytes) -> tuple[int, int] | None:
    """Rate and channels of AAC, from its sample entry; None for another codec."""
    if entry[4:8] != b"mp4a" or entry[16:18] != b"\0\0":  # another version of QuickTime's
        return None
    esds = dict(_boxes(entry[36 : int.from_bytes(entry[:4])])).get(b"esds", b"")
    at = 4
    found: dict[int, bytes] = {}
    for tag, skip in ((3, 3), (4, 13), (5, 0)):
        if at >= len(esds) or esds[at] != tag:
            return None
        at += 1
        while esds[at] & 0x80:
            at += 1
        at += 1
        found[tag] = esds[at : at + 16]
        at += skip
    if found[4][0] != _AAC:
        return None
    bits = int.from_bytes(found[5][:2])
    index, channels = bits >> 7 & 15, bits >> 3 & 15
    if index >= len(RATES) or not 1 <= channels <= 7:
        return None
    return RATES[index], 8 if channels == 7 else channels


def _read_sizes(stsz: bytes) -> array[int]:
    same, count = int.from_bytes(stsz[4:8]), int.from_bytes(stsz[8:12])
    if same:
        return array("I")  # no AAC has samples of one size
    return _numbers(stsz, 12, count)


def _numbers(data: bytes, start: int, count: int) -> array[int]:
    numbers = array("I")
    if start + 4 * count > len(data):
        raise ValueError("a table that does not fit")
    numbers.frombytes(data[start : start + 4 * count])
    if sys.byteorder == "little":
        numbers.byteswap()
    return numbers


def big_endian(numbers: array[int]) -> bytes:
    """The numbers as mp4 stores them."""
    swapped = numbers[:]
    if sys.byteorder == "little":
        swapped.byteswap()
    return swapped.tobytes()


def total_of(durations: Sequence[int]) -> int:
    """The sum of the numbers of an stts box: count, duration, count, duration, …"""
    return sum(count * each for count, each in zip(durations[::2], durations[1::2], strict=True))
