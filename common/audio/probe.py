"""What a file is and how long it lasts: told by its packets, since names, types and headers lie."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from common.audio.child import Bounds
from common.audio.exit_status import complaints
from common.audio.ffmpeg import COPY, Ffmpeg, out_seconds
from common.errors import AudioTooCostly, AudioTooLong, AudioTooShort, AudioUnreadable, FileEmpty

MIN_SECONDS = 0.01  # the least that Groq takes
MIN_RATE, MAX_RATE = 4_000, 192_000  # Hz
MAX_CHANNELS = 8

_CHANNELS = {"mono": 1, "stereo": 2, "downmix": 2, "quad": 4, "hexagonal": 6, "octagonal": 8, "cube": 8}
_CUT_OFF = ("partial file", "File ended prematurely")  # as the demuxers of mov and matroska say it
_MAIN_PART = re.compile(r"(\d+)(?:\.(\d+))?(?:\.(\d+))?(?: channels)?(?:\(.*\))?")


@dataclass(frozen=True, slots=True)
class Probed:
    """A recording as its packets tell it: `duration` in seconds, `sample_rate` in Hz.

    `start`: how many seconds of a film pass before its sound begins; the duration counts from there.

    `container` and `codec` are ffmpeg's names (`mov`, `matroska`, `ogg`; `aac`, `opus`); `brand` is what a
    file of the mov family calls itself (`M4A`, `isom`, `qt`), else empty. `has_video` is a moving picture,
    not a cover. `is_cut_off`: its end is missing, yet what is there can be read.
    """

    container: str
    brand: str
    codec: str
    duration: float
    sample_rate: int
    channels: int
    has_video: bool
    is_cut_off: bool
    size_bytes: int
    start: float = 0.0


async def probe(ffmpeg: Ffmpeg, source: Path, *, max_seconds: float) -> Probed:
    """Read every packet of the first audio track, at most `max_seconds` of it, decoding none.

    Raises FileEmpty, AudioUnreadable, AudioTrackMissing, AudioTruncated, AudioTooShort, AudioTooLong,
    AudioTooCostly.
    """
    size_bytes = os.lstat(source).st_size
    if size_bytes == 0:
        raise FileEmpty
    lines: list[str] = []
    log = await ffmpeg.run(
        source,
        f"-progress pipe:1 -stats_period 3600 -t {max_seconds + 1:.3f}",
        # The first packet, for what the track is; then all of them, for how long it lasts.
        f"-map 0:a:0 -c copy -frames:a 1 -f framecrc pipe:1 -map 0:a:0 {COPY} -f null /dev/null",
        bounds=Bounds.of_cpu(5 + size_bytes / 20e6),
        on_line=lines.append,
    )
    return judged(understood(lines, log, size_bytes), max_seconds)


def understood(lines: Iterable[str], log: str, size_bytes: int) -> Probed:
    """What ffmpeg's `framecrc` and `-progress` lines and its log say. AudioUnreadable when they do not."""
    said = list(lines)
    facts = dict(re.findall(r"^#(\w+) 0: (.+)$", "\n".join(said), re.MULTILINE))
    end = out_seconds(next((line for line in reversed(said) if line.startswith("out_time_us=")), ""))
    container = re.search(r"^\[info\] Input #0, (\w+)", log, re.MULTILINE)
    if container is None or end is None or not {"codec_id", "sample_rate", "tb"} <= facts.keys():
        raise AudioUnreadable
    brand = re.search(r"^\[info\] {5}major_brand {5}: (\w+)", log, re.MULTILINE)
    pictures = re.findall(r"^\[info\]   Stream #0:\d+.*?: Video: .*$", log, re.MULTILINE)
    start = max(0.0, next(packet_times(said), 0.0))
    return Probed(
        container=container[1],
        brand=brand[1] if brand and container[1] == "mov" else "",
        codec=facts["codec_id"],
        duration=end - start,
        sample_rate=int(facts["sample_rate"]),
        channels=_channels(facts.get("channel_layout_name", "")),
        has_video=any("(attached pic)" not in picture for picture in pictures),
        is_cut_off=any(words in complaints(log) for words in _CUT_OFF),
        size_bytes=size_bytes,
        start=start,
    )


def packet_times(lines: Iterable[str]) -> Iterator[float]:
    """When each packet that `framecrc` tells of is to be heard, in seconds: `0, dts, pts, duration, …`."""
    base = Fraction(1)
    for line in lines:
        if line.startswith("#tb 0: "):
            base = Fraction(line.removeprefix("#tb 0: "))
        elif packet := re.match(r"0, +\S+, +(-?\d+),", line):
            yield float(int(packet[1]) * base)


def judged(probed: Probed, max_seconds: float) -> Probed:
    """The same, unless no recording of speech is like that: then the error that says so."""
    if not MIN_RATE <= probed.sample_rate <= MAX_RATE or not 1 <= probed.channels <= MAX_CHANNELS:
        raise AudioTooCostly
    if probed.duration < MIN_SECONDS:
        raise AudioTooShort(minimum=MIN_SECONDS)
    if probed.duration > max_seconds:
        raise AudioTooLong(limit_minutes=round(max_seconds / 60, 1))
    return probed


def _channels(layout: str) -> int:
    """`stereo` → 2, `5.1(side)` → 6, `65535 channels` → 65535, anything else → 0."""
    main = _MAIN_PART.fullmatch(layout)
    return sum(int(part) for part in main.groups() if part) if main else _CHANNELS.get(layout, 0)
