"""Decodes the recordings that follow each other in one file, each by itself, into one wav file.

ffmpeg stops at the first change of rate or channels in such a file, or goes on with wrong times.
"""

from __future__ import annotations

import asyncio
import os
import struct
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from common.audio.channels import choose_channel
from common.audio.child import Bounds
from common.audio.decoding import RATE, TO_PCM, decoding_of
from common.audio.ffmpeg import DISK_FULL, Ffmpeg
from common.audio.formats.scan import Part
from common.audio.probe_result import ProbeResult
from common.errors import AudioTruncated, StorageFull

_BYTE_RATE = 2 * RATE
_HEADER_BYTES = 44
_BLOCK_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class _Files:
    """`joined` is made; `part` and `sound` hold one part and what it decodes to, while that is appended."""

    joined: Path
    part: Path
    sound: Path

    def remove(self) -> None:
        for path in (self.joined, self.part, self.sound):
            path.unlink(missing_ok=True)


async def join_parts(
    ffmpeg: Ffmpeg,
    path: Path,
    source: ProbeResult,
    target: Path,
    *,
    on_progress: Callable[[float], None] | None = None,
) -> float:
    """Write the wav file `target`, and return how many seconds it lasts.

    `on_progress` gets the seconds that are done. Raises AudioUnreadable, AudioTruncated, AudioTooCostly,
    StorageFull, ToolMissing, and then leaves no file.
    """
    files = _Files(target, target.with_name("part"), target.with_name("part.pcm"))
    files.remove()  # a run that was killed may have left them
    try:
        seconds = await asyncio.to_thread(_finish, target, 0.0)
        for part in source.parts:
            await asyncio.to_thread(_append, path, part.start, part.end, files.part)
            await _decode_part(ffmpeg, files, part, source)
            seconds = await asyncio.to_thread(_take_over, files, part, source)
            if on_progress:
                on_progress(seconds)
        return await asyncio.to_thread(_finish, target, seconds)
    except BaseException as exc:
        files.remove()
        if isinstance(exc, OSError) and exc.errno in DISK_FULL:
            raise StorageFull from exc
        raise


async def _decode_part(ffmpeg: Ffmpeg, files: _Files, part: Part, source: ProbeResult) -> None:
    channel = None
    if source.channels > 1:
        channel = await choose_channel(
            ffmpeg, files.part, 0, source.channels, start=0.0, duration=part.seconds
        )
    limit = f"-t {part.seconds + 1:.3f}"
    largest = round((part.seconds + 1) * _BYTE_RATE) + 2**16
    await ffmpeg.run(
        files.part,
        limit,
        f"{decoding_of(replace(source, channel=channel))} {limit} {TO_PCM}",
        bounds=Bounds.of_cpu(10 + part.seconds / 50, output_bytes=largest),
        output=files.sound,
    )


def _take_over(files: _Files, part: Part, source: ProbeResult) -> float:
    """Append the sound of a part; return how many seconds there are now. Raises AudioTruncated."""
    size_bytes = files.sound.stat().st_size
    is_complete = size_bytes / _BYTE_RATE >= part.seconds - max(1.0, 0.02 * part.seconds)
    if not is_complete and not source.is_damaged:
        raise AudioTruncated
    _append(files.sound, 0, size_bytes, files.joined)
    files.part.unlink()
    files.sound.unlink()
    return (files.joined.stat().st_size - _HEADER_BYTES) / _BYTE_RATE


def _append(source: Path, start: int, end: int, target: Path) -> None:
    """Append bytes of a file to another."""
    with source.open("rb") as reading, target.open("ab") as writing:
        while block := os.pread(reading.fileno(), min(_BLOCK_BYTES, end - start), start):
            writing.write(block)
            start += len(block)


def _finish(target: Path, seconds: float) -> float:
    """Write the header for so much sound: 16-bit PCM of one channel. Returns the seconds."""
    size_bytes = min(round(seconds * _BYTE_RATE), 0xFFFFFFFF - 36)
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, RATE, _BYTE_RATE, 2, 16)
    head = struct.pack("<4sI4s", b"RIFF", size_bytes + 36, b"WAVE")
    target.touch()
    with target.open("r+b") as file:
        file.write(head + form + struct.pack("<4sI", b"data", size_bytes))
    return seconds
