"""Make of a recording what the engine reads, by the least work: pass it on, else copy its track, else decode.

Groq goes by the ending of the file's name, knows few of them, and resamples by itself
(https://console.groq.com/docs/speech-to-text), so only what it cannot read is worth decoding.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from common.audio.child import Bounds
from common.audio.ffmpeg import COPY, Ffmpeg, out_seconds
from common.audio.probe import Probed
from common.errors import AudioTooCostly, AudioTruncated, AudioUnreadable

# The endings that Groq knows and we use; the others (mp4, mpeg, opus) are second names of these.
Format = Literal["flac", "mp3", "mpga", "m4a", "ogg", "wav", "webm"]
How = Literal["as_is", "copied", "decoded"]

RATE = 16_000  # Hz, what Whisper listens at

# Into what a track goes by copy: ending and muxer.
_HOMES: dict[str, tuple[Format, str]] = {
    "aac": ("m4a", "ipod"),
    "alac": ("m4a", "ipod"),
    "mp3": ("mp3", "mp3"),
    "mp2": ("mpga", "mp2"),
    "opus": ("ogg", "ogg"),
    "vorbis": ("ogg", "ogg"),
    "flac": ("flac", "flac"),
}

_ACCEPTED: dict[tuple[str, str], Format] = {
    ("mp3", "mp3"): "mp3",
    ("mp3", "mp2"): "mpga",
    ("mp3", "mp1"): "mpga",
    ("flac", "flac"): "flac",
    ("ogg", "opus"): "ogg",
    ("ogg", "vorbis"): "ogg",
    ("ogg", "flac"): "ogg",
    ("matroska", "opus"): "webm",
    ("matroska", "vorbis"): "webm",
    ("mov", "aac"): "m4a",
    ("mov", "alac"): "m4a",
}

# asetnsamples: without it a hostile packet may stand for minutes, and running out of memory over one
# ends in exit 0 with audio missing. s16: left alone, the encoder writes 24 bits, twice the size.
DECODE = (
    "-af asetnsamples=n=8192:p=0 -filter_threads 1 -threads 1 "
    f"-ac 1 -ar {RATE} -sample_fmt s16 -c:a flac -f flac"
)


@dataclass(frozen=True, slots=True)
class Plan:
    """How to get at the audio, and what then holds it; `muxer` is ffmpeg's name, for a copy."""

    how: How
    format: Format
    muxer: str = ""


@dataclass(frozen=True, slots=True)
class Prepared:
    """What may be sent to the engine: a file of ours or the upload itself, `duration` in seconds.

    Its own clock begins `start` seconds after that of the recording.
    """

    path: Path
    format: Format
    duration: float
    size_bytes: int
    how: How
    start: float = 0.0


def plan(probed: Probed) -> Plan:
    """Decide by what is inside, never by a name."""
    known = None if probed.has_video or probed.is_cut_off else _accepted(probed)
    if known is not None:
        return Plan("as_is", known)
    if probed.codec in _HOMES:
        return Plan("copied", *_HOMES[probed.codec])
    return Plan("decoded", "flac")


def _accepted(probed: Probed) -> Format | None:
    """The ending under which Groq takes this file as it is, if it does."""
    if probed.container == "wav" and probed.codec.startswith("pcm_"):
        return "wav"
    if probed.brand.startswith(("qt", "3g")):
        return None  # QuickTime and phones' 3gp are no endings of Groq's
    return _ACCEPTED.get((probed.container, probed.codec))


async def prepare(
    ffmpeg: Ffmpeg,
    source: Path,
    probed: Probed,
    folder: Path,
    *,
    on_progress: Callable[[float], None] | None = None,
) -> Prepared:
    """Carry out the plan; a new file, if one is needed, is `folder/prepared.*`.

    `on_progress` is told the seconds of recording that are done. Raises AudioUnreadable, AudioTruncated,
    AudioTooCostly, StorageFull, ToolMissing, and then leaves no file.
    """
    planned = plan(probed)
    if planned.how == "as_is":
        return Prepared(
            source, planned.format, probed.duration, probed.size_bytes, "as_is", start=probed.start
        )
    if planned.how == "copied":
        try:
            return await _made(planned, ffmpeg, source, probed, folder=folder, on_progress=on_progress)
        except AudioUnreadable:
            planned = Plan("decoded", "flac")  # a track that its muxer does not take may decode all the same
    return await _made(planned, ffmpeg, source, probed, folder=folder, on_progress=on_progress)


async def _made(
    planned: Plan,
    ffmpeg: Ffmpeg,
    source: Path,
    probed: Probed,
    *,
    folder: Path,
    on_progress: Callable[[float], None] | None,
) -> Prepared:
    path = folder / f"prepared.{planned.format}"
    path.unlink(missing_ok=True)  # a run that was killed may have left its own
    told = _Told(probed.start, on_progress)
    after, bounds = _work(planned, probed)
    before = f"-progress pipe:1 -stats_period 0.5 -t {probed.start + probed.duration + 1:.3f}"
    await ffmpeg.run(source, before, after, bounds=bounds, output=path, on_line=told.line)
    seconds = flac_seconds(path) if planned.how == "decoded" else told.seconds
    size_bytes = path.stat().st_size
    prepared = Prepared(path, planned.format, seconds, size_bytes, planned.how, start=probed.start)
    return _whole(prepared, probed, bounds)


def _work(planned: Plan, probed: Probed) -> tuple[str, Bounds]:
    """The output options of the plan, and what carrying it out may use."""
    track = f"-map 0:a:0 -map_metadata -1 -map_chapters -1 -t {probed.start + probed.duration + 1:.3f}"
    if planned.how == "copied":
        bounds = Bounds.of_cpu(5 + probed.size_bytes / 10e6, output_bytes=2 * probed.size_bytes + 2**20)
        # A late beginning is kept in `start`: some players wait for it, others do not.
        at_zero = "-avoid_negative_ts make_zero" if probed.start else ""
        return f"{track} {COPY} {at_zero} -f {planned.muxer}", bounds
    # No FLAC is larger than its samples by more than the headers of its frames.
    most = round(probed.duration * RATE * 2.1) + 2**16
    return f"{track} {DECODE}", Bounds.of_cpu(10 + probed.duration / 50, output_bytes=most)


class _Told:
    """Hears `-progress`: the seconds of sound that are done, passed on as they grow."""

    def __init__(self, start: float, on_progress: Callable[[float], None] | None) -> None:
        self.seconds = 0.0
        self._start = start
        self._on_progress = on_progress

    def line(self, line: str) -> None:
        seconds = (out_seconds(line) or 0.0) - self._start
        if seconds > self.seconds:
            self.seconds = seconds
            if self._on_progress:
                self._on_progress(seconds)


def _whole(prepared: Prepared, probed: Probed, bounds: Bounds) -> Prepared:
    """The same, unless audio is missing: ffmpeg ends well when it has written -fs bytes or lost packets."""
    if prepared.duration >= probed.duration - max(1.0, 0.02 * probed.duration):
        return prepared
    prepared.path.unlink()
    raise AudioTooCostly if prepared.size_bytes >= 0.9 * bounds.output_bytes else AudioTruncated


def flac_seconds(path: Path) -> float:
    """How long a FLAC file of ours lasts, by the samples counted in its STREAMINFO (RFC 9639, 8.2)."""
    with path.open("rb") as file:
        head = file.read(26)
    fields = int.from_bytes(head[18:26])  # 20 bits rate, 3 channels, 5 depth, 36 samples
    return (fields & (1 << 36) - 1) / (fields >> 44)
