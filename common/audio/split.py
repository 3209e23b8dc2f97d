"""Cut a prepared recording into pieces that the engine takes: by copy where its container allows.

The cuts are planned from nothing but the recording's length and size, and one piece is made at a time: a
second run makes the same piece again, and a small disk never holds the recording twice.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from common.audio.child import Bounds
from common.audio.ffmpeg import COPY, Ffmpeg, out_seconds
from common.audio.prepare import DECODE, RATE, Format, Prepared, flac_seconds
from common.audio.probe import MIN_SECONDS, packet_times
from common.errors import AudioTruncated

PIECE_SECONDS = 600.0
OVERLAP_SECONDS = 10.0
PIECE_BYTES = 24_000_000  # Groq takes 25 MB, the form around the file included

_MIN_COPIED = 60.0  # seconds; where so few fit into a piece, decoding makes fewer requests
_FLAC_BYTES = RATE * 2.1  # per second, at most: no FLAC is larger than its samples by more than headers
_UNEVEN = 0.8  # of the bytes allowed, since bit rates vary along a recording

# Into what a piece is copied: ending and muxer. FLAC goes into Ogg: cut out of a bare FLAC file, frames
# keep their numbers and the header its count, so that a piece claims to last as long as the whole.
_PIECES: dict[Format, tuple[Format, str]] = {
    "mp3": ("mp3", "mp3"),
    "mpga": ("mpga", "mp2"),
    "m4a": ("m4a", "ipod"),
    "ogg": ("ogg", "ogg"),
    "webm": ("webm", "webm"),
    "flac": ("ogg", "ogg"),
}

_MP3_DELAY = 529  # samples that decoders drop at the start of an mp3 with a Xing header (LAME's tag rev. 1)


@dataclass(frozen=True, slots=True)
class Cut:
    """A piece to make: from `start`, in seconds of the prepared file, over `length` or to its end."""

    index: int
    start: float
    length: float | None
    how: Literal["whole", "copy", "decode"]


@dataclass(frozen=True, slots=True)
class PieceFile:
    """A piece as it was made: what is at its second 0 is at `start` on the recording's clock."""

    index: int
    start: float
    duration: float
    path: Path
    format: Format
    size_bytes: int


def plan_cuts(
    prepared: Prepared,
    *,
    piece_seconds: float = PIECE_SECONDS,
    overlap: float = OVERLAP_SECONDS,
    piece_bytes: int = PIECE_BYTES,
) -> tuple[Cut, ...]:
    """Where to cut: pieces of one length, so that the last is never a scrap; whole if it fits as it is."""
    if prepared.duration <= piece_seconds and prepared.size_bytes <= piece_bytes:
        return (Cut(0, 0.0, None, "whole"),)
    how, longest = _longest(prepared, piece_seconds, piece_bytes)
    overlap = min(overlap, longest / 3)
    count = max(1, math.ceil((prepared.duration - overlap) / (longest - overlap)))
    step = (prepared.duration - overlap) / count
    return tuple(
        Cut(index, index * step, None if index == count - 1 else step + overlap, how)
        for index in range(count)
    )


def _longest(
    prepared: Prepared, piece_seconds: float, piece_bytes: int
) -> tuple[Literal["copy", "decode"], float]:
    rate = prepared.size_bytes / prepared.duration
    copied = min(piece_seconds, piece_bytes * _UNEVEN / rate)
    if prepared.format in _PIECES and copied >= min(piece_seconds, _MIN_COPIED):
        return "copy", copied
    return "decode", min(piece_seconds, piece_bytes / _FLAC_BYTES)


async def cut(
    ffmpeg: Ffmpeg, prepared: Prepared, wanted: Cut, folder: Path, *, piece_bytes: int = PIECE_BYTES
) -> PieceFile:
    """Make one piece, `folder/piece-*`; of one that is whole, the prepared file itself stands for it.

    Raises AudioTruncated when there is no sound where it should be, and what Ffmpeg.run raises; then it
    leaves no file.
    """
    if wanted.how == "whole":
        path, size = prepared.path, prepared.size_bytes
        return PieceFile(wanted.index, prepared.start, prepared.duration, path, prepared.format, size)
    if wanted.how == "copy":
        piece = await _copied(ffmpeg, prepared, wanted, folder, piece_bytes)
        if piece.size_bytes <= piece_bytes and _reaches_its_end(piece, wanted, prepared):
            return piece
        piece.path.unlink()  # a louder stretch than the rest: decoded, it is small enough
    return await _decoded(ffmpeg, prepared, wanted, folder)


async def _copied(
    ffmpeg: Ffmpeg, prepared: Prepared, wanted: Cut, folder: Path, piece_bytes: int
) -> PieceFile:
    ending, muxer = _PIECES[prepared.format]
    path = _fresh(folder, wanted, ending)
    lines: list[str] = []
    await ffmpeg.run(
        prepared.path,
        f"-progress pipe:1 -stats_period 3600 {_window(wanted)}",
        # Two packets as they are, for where the cut really fell; then all of them.
        "-map 0:a:0 -c copy -frames:a 2 -f framecrc pipe:1 "
        f"-map 0:a:0 -map_metadata -1 -map_chapters -1 {COPY} -fflags +bitexact -f {muxer}",
        bounds=Bounds.of_cpu(10 + prepared.size_bytes / 10e6, output_bytes=piece_bytes + 2**16),
        output=path,
        on_line=lines.append,
    )
    end = next((found for line in reversed(lines) if (found := out_seconds(line)) is not None), 0.0)
    start = _began(lines, path, ending)
    if wanted.index == 0:
        start = max(0.0, start)  # what precedes second 0 is there for the decoder, and is not heard
    clock = prepared.start + wanted.start
    return PieceFile(wanted.index, clock + start, end - start, path, ending, path.stat().st_size)


async def _decoded(ffmpeg: Ffmpeg, prepared: Prepared, wanted: Cut, folder: Path) -> PieceFile:
    path = _fresh(folder, wanted, "flac")
    longest = prepared.duration - wanted.start if wanted.length is None else wanted.length
    cpu = 10 + prepared.size_bytes / 10e6 + longest / 50
    bounds = Bounds.of_cpu(cpu, output_bytes=round(longest * _FLAC_BYTES) + 2**16)
    await ffmpeg.run(prepared.path, _window(wanted), f"-map 0:a:0 {DECODE}", bounds=bounds, output=path)
    seconds = flac_seconds(path)
    if seconds < MIN_SECONDS:
        path.unlink()
        raise AudioTruncated
    clock = prepared.start + wanted.start
    return PieceFile(wanted.index, clock, seconds, path, "flac", path.stat().st_size)


def _window(wanted: Cut) -> str:
    start = f"-ss {wanted.start:.6f}" if wanted.index else ""
    return start if wanted.length is None else f"{start} -t {wanted.length:.6f}"


def _began(lines: list[str], path: Path, ending: Format) -> float:
    """Seconds from the cut that was asked to what a decoder of the piece gives first.

    A packet cannot be cut, so a copy begins with one that begins before; and a decoder drops samples of its
    first packets, since each codec's frames lean on those before them.
    """
    first, second, *_ = [*packet_times(lines), 0.0, 0.0]
    facts = dict(re.findall(r"^#(\w+) 0: (.+)$", "\n".join(lines), re.MULTILINE))
    if ending == "m4a":
        return max(0.0, first)  # its edit list begins the piece at the cut itself
    if facts.get("codec_id") == "vorbis" and ending == "ogg":
        return second  # the first packet of Vorbis gives no sound (Vorbis I, 4.3.8)
    if facts.get("codec_id") == "opus":
        return first + _opus_pre_skip(path)
    if ending == "mp3":
        return first + _MP3_DELAY / int(facts["sample_rate"])
    return first


def _opus_pre_skip(path: Path) -> float:
    """Seconds that a decoder drops at the start, as the OpusHead of the piece says (RFC 7845, 5.1)."""
    with path.open("rb") as file:
        head = file.read(4096)
    at = head.find(b"OpusHead")
    return int.from_bytes(head[at + 10 : at + 12], "little") / 48_000 if at >= 0 else 0.0


def _reaches_its_end(piece: PieceFile, wanted: Cut, prepared: Prepared) -> bool:
    """Whether all that was asked is there: ffmpeg ends well, too, when it has written -fs bytes."""
    end = prepared.duration if wanted.length is None else wanted.start + wanted.length
    return piece.start + piece.duration - prepared.start >= end - max(1.0, 0.02 * prepared.duration)


def _fresh(folder: Path, wanted: Cut, ending: Format) -> Path:
    """A name of ours; what a run that was killed left under it goes."""
    path = folder / f"piece-{wanted.index:04d}.{ending}"
    path.unlink(missing_ok=True)
    return path
