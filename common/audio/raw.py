"""Gives a headerless recording, as telephone systems store them, the header of a wav file."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from common.audio.child import Bounds
from common.audio.ffmpeg import Ffmpeg
from common.audio.probe_result import check_length

_NAMES = {"mulaw": "mulaw", "ulaw": "mulaw", "alaw": "alaw", "s16le": "s16le", "slin": "s16le"}
_FIXED_RATES = {"g722": 16_000, "gsm": 8_000}  # Hz; both are mono
_BYTES_PER_SAMPLE = {"mulaw": 1.0, "alaw": 1.0, "s16le": 2.0, "g722": 1 / 2, "gsm": 33 / 160}
FORMATS = ("mulaw", "alaw", "s16le", "g722", "gsm")
DEFAULT_RATE = 8_000


@dataclass(frozen=True, slots=True)
class RawFormat:
    """`name` is ffmpeg's; `rate` in Hz."""

    name: str
    rate: int = DEFAULT_RATE
    channels: int = 1

    def seconds(self, size_bytes: int) -> float:
        """How long a file of this size lasts: all of these formats have a constant rate."""
        return size_bytes / (self.rate * self.channels * _BYTES_PER_SAMPLE[self.name])

    @property
    def input_options(self) -> str:
        """ffmpeg's: with this one demuxer, which opens no other file, and no other allowed."""
        layout = "" if self.name in _FIXED_RATES else f"-sample_rate {self.rate} -ch_layout {self.channels}c"
        return f"-format_whitelist {self.name} -f {self.name} {layout}"

    @property
    def output_options(self) -> str:
        codec = "pcm_s16le" if self.name in _FIXED_RATES else "copy"
        return f"-map 0:a:0 -c:a {codec} -f wav"


def parse_raw_format(text: str) -> RawFormat | None:
    """`mulaw;rate=8000;channels=2` → its parts; None for anything else."""
    name, *parameters = (part.strip().lower() for part in text.split(";"))
    numbers = {"rate": _FIXED_RATES.get(name, DEFAULT_RATE), "channels": 1}
    for parameter in parameters:
        found = re.fullmatch(r"(rate|channels)=(\d{1,6})", parameter, re.ASCII)
        if not found:
            return None
        numbers[found[1]] = int(found[2])
    if name in _FIXED_RATES:
        return RawFormat(name, **numbers) if numbers == {"rate": _FIXED_RATES[name], "channels": 1} else None
    is_possible = 4_000 <= numbers["rate"] <= 192_000 and 1 <= numbers["channels"] <= 2
    return RawFormat(_NAMES[name], **numbers) if name in _NAMES and is_possible else None


async def add_header(
    ffmpeg: Ffmpeg, source: Path, raw: RawFormat, folder: Path, *, max_seconds: float
) -> Path:
    """The recording as `folder/raw.wav`. Raises AudioTooLong, and what Ffmpeg.run raises."""
    size_bytes = os.lstat(source).st_size
    seconds = raw.seconds(size_bytes)
    check_length(seconds, max_seconds)
    target = folder / "raw.wav"
    target.unlink(missing_ok=True)  # a run that was killed may have left its file
    await ffmpeg.run(
        source,
        raw.input_options,
        raw.output_options,
        bounds=Bounds.of_cpu(
            10 + size_bytes / 10e6 + seconds / 50,
            output_bytes=round((seconds + 2) * raw.rate * raw.channels * 2) + 2**16,
        ),
        output=target,
    )
    return target
