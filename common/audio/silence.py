"""Finds pieces that hold nothing but digital silence, so that the engine's quota is not used for them.

A few kilobytes of FLAC, Opus or mp3 may last hours. To decode every piece would cost more than all else. So
only those are decoded that look like it: few bytes a second, or bytes that repeat.
"""

from __future__ import annotations

import math
import re
import zlib

from common.audio.child import Bounds
from common.audio.ffmpeg import Ffmpeg
from common.audio.split import PieceFile
from common.errors import AudioRefused

_FEW_BYTES = 1_200  # a second; speech in Opus may take as little
_REPEATS = 16.0  # bytes of silence compress so well; not those of a steady tone, nor PCM of a quiet room
_SAMPLE_BYTES = 32 * 1024
_SILENT = -80.0  # dBFS of the loudest sample: three steps of 16 bits
_LOOK_SECONDS = 2.0
_SHORTEST = 60.0  # seconds; a shorter piece takes the engine no more quota than a look is worth

_PEAK = re.compile(r"^\[astats@peak @ \w+\] \[info\] Peak level dB: (\S+)", re.MULTILINE)
_MEASURE = (
    "-map 0:a:0 -af asetnsamples=n=8192:p=0,astats@peak=measure_perchannel=none:measure_overall=Peak_level"
    " -filter_threads 1 -f null /dev/null"
)


async def is_silent(ffmpeg: Ffmpeg, piece: PieceFile) -> bool:
    """Whether all of a piece is digital silence; False where that cannot be found out."""
    if piece.duration < _SHORTEST or not _looks_silent(piece):
        return False
    try:
        middle = f"-ss {piece.duration / 2:.3f} -t {_LOOK_SECONDS}"
        return await _peak(ffmpeg, piece, middle) < _SILENT and await _peak(ffmpeg, piece, "") < _SILENT
    except AudioRefused:
        return False


def _looks_silent(piece: PieceFile) -> bool:
    """Whether it has few bytes for its duration, or bytes in its middle that repeat."""
    if piece.size_bytes < _FEW_BYTES * piece.duration:
        return True
    with piece.path.open("rb") as file:
        file.seek(max(0, piece.size_bytes - _SAMPLE_BYTES) // 2)
        sample = file.read(_SAMPLE_BYTES)
    return len(sample) > _REPEATS * len(zlib.compress(sample, level=1))


async def _peak(ffmpeg: Ffmpeg, piece: PieceFile, input_options: str) -> float:
    """The dBFS of the loudest sample; 0 if nothing could be measured. Raises what Ffmpeg.run raises."""
    bounds = Bounds.of_cpu(10 + piece.size_bytes / 10e6 + piece.duration / 25)
    found = _PEAK.search(await ffmpeg.run(piece.path, input_options, _MEASURE, bounds=bounds))
    level = float(found[1]) if found else 0.0
    return level if not math.isnan(level) else 0.0
