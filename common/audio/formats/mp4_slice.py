"""Copies the AAC of an mp4, or a piece of it, into an m4a of its own, which takes no process."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from common.audio.formats.mp4 import SampleTable, read_mp4, total_of
from common.audio.formats.mp4_write import AacTrack, write_head
from common.audio.formats.slice import Slice

_PRE_ROLL = 1  # samples before the cut, which the decoder of the next one needs
_BUFFER_BYTES = 256 * 1024


def slice_mp4(source: Path, target: Path, start: float, length: float | None) -> Slice | None:
    """Write the sound from `start`, over `length` seconds or to the end, as a new file `target`.

    None, and no file, where the tables are not plain: ffmpeg shall cut then.
    """
    with source.open("rb", buffering=0) as file:
        found = read_mp4(file, file.seek(0, os.SEEK_END))
        if found is None or found[0].has_gap:
            return None
        table = found[0]
        at = (start + table.skip) * table.timescale
        first, first_at = _sample_at(table, at)
        for _ in range(_PRE_ROLL if first else 0):
            first, first_at = first - 1, first_at - _duration_of(table, first - 1)
        end = len(table.sizes)
        if length is not None:
            end = min(end, _sample_at(table, (start + length + table.skip) * table.timescale)[0] + 1)
        durations = _durations(table, first, end)
        total, skip = total_of(durations), round(at) - first_at
        runs = list(_runs(table, first, end))
        if not runs or total <= skip:
            return None
        track = AacTrack(table.timescale, table.entry, table.sizes[first:end], tuple(durations), skip)
        if not _write(target, write_head(track), file, runs):
            return None
    return Slice(start, (total - skip) / table.timescale)


def _sample_at(table: SampleTable, at: float) -> tuple[int, int]:
    """The sample that sounds at a time, and when it begins; in units of the track."""
    index, begin = 0, 0
    for count, each in zip(table.durations[::2], table.durations[1::2], strict=True):
        if at < begin + count * each or not each:
            inside = max(0, int((at - begin) // each)) if each else 0
            return index + inside, begin + inside * each
        index, begin = index + count, begin + count * each
    return index, begin


def _duration_of(table: SampleTable, index: int) -> int:
    return _durations(table, index, index + 1)[1]


def _durations(table: SampleTable, first: int, end: int) -> list[int]:
    """The numbers of stts for some of the samples: count, duration, count, duration, …"""
    numbers, index = list[int](), 0
    for count, each in zip(table.durations[::2], table.durations[1::2], strict=True):
        inside = min(index + count, end) - max(index, first)
        if inside > 0:
            numbers += [inside, each]
        index += count
    return numbers


def _runs(table: SampleTable, first: int, end: int) -> Iterator[tuple[int, int]]:
    """Where the bytes of these samples lie: offset and size, a chunk at a time."""
    rows = list(zip(table.chunks[::3], table.chunks[1::3], strict=False))[::-1]
    sample, count = 0, 0
    for number, offset in enumerate(table.offsets, start=1):
        while rows and rows[-1][0] <= number:
            count = rows.pop()[1]
        begin, until = max(sample, first), min(sample + count, end)
        if begin < until:
            yield offset + sum(table.sizes[sample:begin]), sum(table.sizes[begin:until])
        sample += count
        if sample >= end:
            return


def _write(target: Path, head: bytes, file: BinaryIO, runs: list[tuple[int, int]]) -> bool:
    """Whether all of the samples could be written; if not, there is no file."""
    with target.open("xb", buffering=_BUFFER_BYTES) as writing:
        size = sum(size for _, size in runs)
        writing.write(head)
        written = sum(writing.write(os.pread(file.fileno(), size, offset)) for offset, size in runs)
    if written != size:
        target.unlink()
    return written == size
