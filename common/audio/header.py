"""Reads what ffmpeg finds in the header of a file: its audio tracks and the duration that it claims.

Tags are the uploader's text, and a forged line may name tracks that do not exist: so nothing of this is a
limit. What a track costs is decided by its packets (`probe.py`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from common.audio.child import Bounds
from common.audio.ffmpeg import Ffmpeg
from common.errors import AudioTrackMissing

_TRACK = re.compile(r"^\[info\]   Stream #0:\d+.*?: Audio: (.*)$", re.MULTILINE)
_DURATION = re.compile(r"^\[info\]   Duration: (\d+):(\d+):(\d+\.\d+)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Header:
    """`defaults`: for each track, whether the file marks it as default. `duration` is None if unknown."""

    defaults: tuple[bool, ...]
    duration: float | None

    @property
    def tracks(self) -> int:
        return len(self.defaults)


async def read_header(ffmpeg: Ffmpeg, source: Path) -> Header:
    """Raises AudioUnreadable, AudioTrackMissing, AudioTruncated, AudioTooCostly."""
    header = parse_header(await ffmpeg.run(source, "", "", bounds=Bounds.of_cpu(5)))
    if not header.tracks:
        raise AudioTrackMissing
    return header


def parse_header(log: str) -> Header:
    claimed = _DURATION.search(log)
    hours, minutes, seconds = claimed.groups() if claimed else ("0", "0", "0")
    duration = 3600 * int(hours) + 60 * int(minutes) + float(seconds)
    return Header(
        defaults=tuple("(default)" in track for track in _TRACK.findall(log)),
        duration=duration or None,
    )
