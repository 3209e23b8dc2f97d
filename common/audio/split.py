"""Cuts a prepared recording into pieces that the engine takes: by copying where the container allows.

The cut plan depends on nothing but the recording's length and size, and one piece is made at a time: a second
run makes the same piece again, and a small disk never holds the recording twice.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from common.audio.child import Bounds
from common.audio.decoding import DECODE, RATE
from common.audio.ffmpeg import COPY, Ffmpeg, parse_out_time
from common.audio.prepare import Format, PreparedAudio, flac_seconds
from common.audio.probe import packet_times
from common.audio.probe_result import MIN_SECONDS
from common.audio.slice_file import slice_file
from common.errors import AudioTruncated

PIECE_SECONDS = 600.0
OVERLAP_SECONDS = 10.0
PIECE_BYTES = 24_000_000  # Groq takes 25 MB, the form around the file included

_MIN_COPY_SECONDS = 60.0  # if a piece holds less when copied, decoding makes fewer requests
_FLAC_BYTES = RATE * 2.1  # per second, at most: the samples and the headers of the frames
_BITRATE_MARGIN = 0.8  # of the bytes allowed, since the bit rate varies along a recording

# The extension and the muxer that a piece is copied into. FLAC goes into Ogg: when a bare FLAC file is cut,
# frames keep their numbers and the header its count, so that a piece claims to last as long as the whole.
_COPY_TARGETS: dict[Format, tuple[Format, str]] = {
    "mp3": ("mp3", "mp3"),
    "mpga": ("mpga", "mp2"),
    "m4a": ("m4a", "ipod"),
    "ogg": ("ogg", "ogg"),
    "webm": ("webm", "webm"),
    "flac": ("ogg", "ogg"),
}

_MOST_MISSING = 1.0  # seconds that a piece may be shorter than its cut: durations are known that well

_MP3_DELAY = 529  # samples that decoders drop at the start of an mp3 with a Xing header (LAME's tag rev. 1)


@dataclass(frozen=True, slots=True)
class Cut:
    """A piece to make: from `start`, in seconds of the prepared file, over `length` seconds or to its end."""

    index: int
    start: float
    length: float | None
    method: Literal["whole", "copy", "decode"]


@dataclass(frozen=True, slots=True)
class PieceFile:
    """The audio file of a piece: its second 0 is at `start` on the recording's clock."""

    index: int
    start: float
    duration: float
    path: Path
    format: Format
    size_bytes: int


def plan_cuts(
    audio: PreparedAudio,
    *,
    piece_seconds: float = PIECE_SECONDS,
    overlap: float = OVERLAP_SECONDS,
    piece_bytes: int = PIECE_BYTES,
    first_seconds: float | None = None,
) -> tuple[Cut, ...]:
    """The cut plan: the whole file if it fits, else pieces of equal length, so that the last is not short.

    With `first_seconds` the first piece is that short, where the others are longer.
    """
    if audio.duration <= piece_seconds and audio.size_bytes <= piece_bytes:
        return (Cut(0, 0.0, None, "whole"),)
    method, longest = _choose_method(audio, piece_seconds, piece_bytes)
    overlap = min(overlap, longest / 3)
    begin = 0.0 if first_seconds is None or first_seconds >= longest else first_seconds - overlap
    first = [Cut(0, 0.0, first_seconds, method)] if begin else []
    count = max(1, math.ceil((audio.duration - begin - overlap) / (longest - overlap)))
    step = (audio.duration - begin - overlap) / count
    return (
        *first,
        *(
            Cut(len(first) + i, begin + i * step, None if i == count - 1 else step + overlap, method)
            for i in range(count)
        ),
    )


def _choose_method(
    audio: PreparedAudio, piece_seconds: float, piece_bytes: int
) -> tuple[Literal["copy", "decode"], float]:
    """How to make the pieces, and how many seconds one may last."""
    byte_rate = audio.size_bytes / audio.duration
    longest_copy = min(piece_seconds, piece_bytes * _BITRATE_MARGIN / byte_rate)
    if audio.format in _COPY_TARGETS and longest_copy >= min(piece_seconds, _MIN_COPY_SECONDS):
        return "copy", longest_copy
    return "decode", min(piece_seconds, piece_bytes / _FLAC_BYTES)


async def cut_piece(
    ffmpeg: Ffmpeg, audio: PreparedAudio, cut: Cut, folder: Path, *, piece_bytes: int = PIECE_BYTES
) -> PieceFile:
    """Make one piece, `folder/piece-*`; a whole recording is its own piece, without a new file.

    Raises AudioTruncated when there is no sound where the piece should be, and what Ffmpeg.run raises; then
    it leaves no file.
    """
    if cut.method == "whole":
        return PieceFile(cut.index, audio.start, audio.duration, audio.path, audio.format, audio.size_bytes)
    if cut.method == "copy":
        piece = await _slice_piece(audio, cut, folder)
        piece = piece or await _copy_piece(ffmpeg, audio, cut, folder, piece_bytes)
        if piece.size_bytes <= piece_bytes and _reaches_end(piece, cut, audio):
            return piece
        piece.path.unlink()  # its bit rate is above the recording's; decoded, it is small enough
    return await _decode_piece(ffmpeg, audio, cut, folder)


async def _slice_piece(audio: PreparedAudio, cut: Cut, folder: Path) -> PieceFile | None:
    """Copy a piece without ffmpeg; None where that cannot be done."""
    path = _new_path(folder, cut, audio.format)
    found = await slice_file(audio.format, audio.path, path, cut.start, cut.length)
    if found is None:
        return None
    start = audio.start + found.start
    return PieceFile(cut.index, start, found.seconds, path, audio.format, path.stat().st_size)


async def _copy_piece(
    ffmpeg: Ffmpeg, audio: PreparedAudio, cut: Cut, folder: Path, piece_bytes: int
) -> PieceFile:
    extension, muxer = _COPY_TARGETS[audio.format]
    path = _new_path(folder, cut, extension)
    lines: list[str] = []
    await ffmpeg.run(
        audio.path,
        f"-progress pipe:1 -stats_period 3600 {_time_options(cut)}",
        # The first two packets say where the cut really fell; then all of them are copied.
        "-map 0:a:0 -c copy -frames:a 2 -f framecrc pipe:1 "
        f"-map 0:a:0 -map_metadata -1 -map_chapters -1 {COPY} -fflags +bitexact -f {muxer}",
        bounds=Bounds.of_cpu(10 + audio.size_bytes / 10e6, output_bytes=piece_bytes + 2**16),
        output=path,
        on_line=lines.append,
    )
    end = next((time for line in reversed(lines) if (time := parse_out_time(line)) is not None), 0.0)
    start = _first_sound(lines, path, extension)
    if cut.index == 0:
        start = max(0.0, start)  # packets before second 0 are there for the decoder, which drops their sound
    clock = audio.start + cut.start
    return PieceFile(cut.index, clock + start, end - start, path, extension, path.stat().st_size)


async def _decode_piece(ffmpeg: Ffmpeg, audio: PreparedAudio, cut: Cut, folder: Path) -> PieceFile:
    """Decode a piece from its start; if it comes out short, once more from the start of the recording.

    In a damaged file, ffmpeg may not find the time of the cut; reading from the start costs more and misses
    nothing. Raises AudioTruncated if the piece is still short.
    """
    path = _new_path(folder, cut, "flac")
    longest = audio.duration - cut.start if cut.length is None else cut.length
    cpu = 10 + audio.size_bytes / 10e6 + (cut.start + longest) / 50
    bounds = Bounds.of_cpu(cpu, output_bytes=round(longest * _FLAC_BYTES) + 2**16)
    seek = _time_options(cut)
    for input_options, output_options in (
        (seek, f"-map 0:a:0 {DECODE}"),
        ("", f"-map 0:a:0 {seek} {DECODE}"),
    ):
        path.unlink(missing_ok=True)
        await ffmpeg.run(audio.path, input_options, output_options, bounds=bounds, output=path)
        if (seconds := flac_seconds(path)) >= longest - _MOST_MISSING and seconds >= MIN_SECONDS:
            return PieceFile(cut.index, audio.start + cut.start, seconds, path, "flac", path.stat().st_size)
    path.unlink()
    raise AudioTruncated


def _time_options(cut: Cut) -> str:
    start = f"-ss {cut.start:.6f}" if cut.index else ""
    return start if cut.length is None else f"{start} -t {cut.length:.6f}"


def _first_sound(lines: list[str], path: Path, extension: Format) -> float:
    """Seconds from the planned cut to the first sound that a decoder makes of the piece.

    A packet cannot be divided, so a copy begins with the packet that holds the cut; and a decoder drops
    samples of the first packets, since the frames of every codec depend on those before them.
    """
    first, second, *_ = [*packet_times(lines), 0.0, 0.0]
    fields = dict(re.findall(r"^#(\w+) 0: (.+)$", "\n".join(lines), re.MULTILINE))
    if extension == "m4a":
        return max(0.0, first)  # its edit list begins the piece at the cut itself
    if fields.get("codec_id") == "vorbis" and extension == "ogg":
        return second  # the first packet of Vorbis gives no sound (Vorbis I, 4.3.8)
    if fields.get("codec_id") == "opus":
        return first + _opus_pre_skip(path)
    if extension == "mp3":
        return first + _MP3_DELAY / int(fields["sample_rate"])
    return first


def _opus_pre_skip(path: Path) -> float:
    """Seconds that a decoder drops at the start, from the OpusHead of the piece (RFC 7845, 5.1)."""
    with path.open("rb") as file:
        head = file.read(4096)
    at = head.find(b"OpusHead")
    return int.from_bytes(head[at + 10 : at + 12], "little") / 48_000 if at >= 0 else 0.0


def _reaches_end(piece: PieceFile, cut: Cut, audio: PreparedAudio) -> bool:
    """Whether the piece is complete: ffmpeg exits with 0, too, when it has written -fs bytes."""
    end = audio.duration if cut.length is None else cut.start + cut.length
    return piece.start + piece.duration - audio.start >= end - _MOST_MISSING


def _new_path(folder: Path, cut: Cut, extension: Format) -> Path:
    """A path of our naming; a file that a killed run left there is removed."""
    path = folder / f"piece-{cut.index:04d}.{extension}"
    path.unlink(missing_ok=True)
    return path
