"""Measures the levels of tracks and channels over a few seconds of a recording, by decoding only those."""

from __future__ import annotations

import math
import os
import re
from dataclasses import dataclass
from pathlib import Path

from common.audio.child import Bounds
from common.audio.ffmpeg import Ffmpeg
from common.errors import AudioTruncated, AudioUnreadable

SILENT = -120.0  # dBFS, in place of minus infinity and of what could not be measured
AUDIBLE = -60.0  # dBFS (RMS over the seconds measured); the quietest speech is some 10 dB above

_SECONDS = 2.0
_SECONDS_AT_START = 1.0  # most recordings need no other look, and each second costs
_RMS = "measure_perchannel=RMS_level:measure_overall=none"
_LINE = re.compile(r"^\[astats@(\w+) @ \w+\] \[info\] RMS level dB: (\S+)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class ChannelLevels:
    """The dBFS of each channel, in the file's order, and of their mix to one."""

    channels: tuple[float, ...]
    mix: float


def places_to_look(duration: float | None) -> tuple[float, ...]:
    """Where to measure, in seconds: the beginning, and other places for what begins with silence."""
    if duration is None:
        return (0.0, 30.0, 120.0, 600.0)
    return (0.0, *(duration * share for share in (0.2, 0.4, 0.6, 0.8))) if duration > _SECONDS else (0.0,)


async def measure_tracks(ffmpeg: Ffmpeg, source: Path, tracks: int, at: float) -> list[float]:
    """The dBFS of the loudest channel of each track. Raises what Ffmpeg.run raises."""
    outputs = (
        f"-map 0:a:{track} -af asetnsamples=n=8192:p=0,astats@{track}={_RMS} -f null /dev/null"
        for track in range(tracks)
    )
    levels = await _measure(ffmpeg, source, at, " ".join(outputs))
    return [max(levels.get(str(track), ()), default=SILENT) for track in range(tracks)]


async def measure_channels(ffmpeg: Ffmpeg, source: Path, track: int, at: float) -> ChannelLevels:
    """Raises what Ffmpeg.run raises."""
    graph = (
        f"[0:a:{track}]asetnsamples=n=8192:p=0,asplit[a][b];[a]astats@each={_RMS}[x];"
        f"[b]aresample=ochl=mono,astats@mix={_RMS}[y]"
    )
    options = f"-filter_complex {graph} -map [x] -f null /dev/null -map [y] -f null /dev/null"
    levels = await _measure(ffmpeg, source, at, options, first=_SECONDS_AT_START)
    return ChannelLevels(tuple(levels.get("each", ())), max(levels.get("mix", ()), default=SILENT))


async def _measure(
    ffmpeg: Ffmpeg, source: Path, at: float, outputs: str, *, first: float = _SECONDS
) -> dict[str, list[float]]:
    """`first`: how many seconds to measure at the start of the recording."""
    size = os.lstat(source).st_size
    seek = f"-ss {at:.3f}" if at else ""
    options = f"{seek} -t {_SECONDS if at else first} -filter_threads 1"
    try:
        log = await ffmpeg.run(source, options, outputs, bounds=Bounds.of_cpu(5 + size / 20e6))
    except (AudioUnreadable, AudioTruncated):
        return {}  # nothing can be decoded there; other places may be whole
    levels: dict[str, list[float]] = {}
    for name, text in _LINE.findall(log):
        level = float(text)
        levels.setdefault(name, []).append(max(SILENT, level) if math.isfinite(level) else SILENT)
    return levels
