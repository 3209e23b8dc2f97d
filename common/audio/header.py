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
from common.audio.file_kind import HEAD_BYTES, refusal_of
from common.audio.mp4_boxes import is_protected
from common.errors import AudioProtected, AudioTrackMissing, AudioTruncated, AudioUnreadable

_TRACK = re.compile(r"^\[info\]   Stream #0:\d+.*?: Audio: (.*)$", re.MULTILINE)
_DURATION = re.compile(r"^\[info\]   Duration: (\d+):(\d+):(\d+\.\d+)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Header:
    """`defaults`: for each track, whether the file marks it as default. `duration` is None if unknown.

    `container` is ffmpeg's name of the file's format.
    """

    container: str
    defaults: tuple[bool, ...]
    duration: float | None

    @property
    def tracks(self) -> int:
        return len(self.defaults)


async def read_header(ffmpeg: Ffmpeg, source: Path) -> Header:
    """Raises AudioUnreadable or one that names the kind of file, AudioProtected, AudioTrackMissing,
    AudioTruncated, AudioTooCostly.
    """
    try:
        header = parse_header(await ffmpeg.run(source, "", "", bounds=Bounds.of_cpu(5)))
    except (AudioUnreadable, AudioTruncated) as exc:
        raise _named_refusal(source) or exc from exc
    if header.container == "mov" and is_protected(source):
        raise AudioProtected
    if not header.tracks:
        raise _named_refusal(source) or AudioTrackMissing()
    return header


def _named_refusal(source: Path) -> AudioUnreadable | None:
    """The error that names the kind of file; None if it is of no known kind."""
    if source.is_symlink() or not source.is_file():
        return None
    with source.open("rb") as file:
        return refusal_of(file.read(HEAD_BYTES))


def parse_header(log: str) -> Header:
    claimed = _DURATION.search(log)
    hours, minutes, seconds = claimed.groups() if claimed else ("0", "0", "0")
    duration = 3600 * int(hours) + 60 * int(minutes) + float(seconds)
    container = re.search(r"^\[info\] Input #0, (\w+)", log, re.MULTILINE)
    return Header(
        container=container[1] if container else "",
        defaults=tuple("(default)" in track for track in _TRACK.findall(log)),
        duration=duration or None,
    )
