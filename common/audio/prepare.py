"""Makes a file that the engine reads of a recording, by the least work: as it is, else copied, else decoded.

Groq decides by the extension of the file's name, knows few of them, and resamples by itself
(https://console.groq.com/docs/speech-to-text), so only what Groq cannot read is worth decoding.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from common.audio.child import Bounds
from common.audio.decoding import RATE, TO_FLAC, decoding_of, has_missing_sound
from common.audio.ffmpeg import COPY, Ffmpeg, parse_out_time
from common.audio.join import join_parts
from common.audio.probe_result import ProbeResult
from common.audio.slice_file import slice_file
from common.errors import AudioTooCostly, AudioTruncated, AudioUnreadable

# The extensions that Groq knows and we use; the others (mp4, mpeg, opus) are second names of these.
Format = Literal["flac", "mp3", "mpga", "m4a", "ogg", "wav", "webm"]
Method = Literal["as_is", "copy", "decode"]

# The extension and the muxer that a track is copied into, by codec.
_COPY_TARGETS: dict[str, tuple[Format, str]] = {
    "aac": ("m4a", "ipod"),
    "alac": ("m4a", "ipod"),
    "mp3": ("mp3", "mp3"),
    "mp2": ("mpga", "mp2"),
    "opus": ("ogg", "ogg"),
    "vorbis": ("ogg", "ogg"),
    "flac": ("flac", "flac"),
}

# What Groq reads as it is: container and codec, and the extension to send it under.
_GROQ_FORMATS: dict[tuple[str, str], Format] = {
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


@dataclass(frozen=True, slots=True)
class PreparationPlan:
    """How to make the engine's file, and its format; `muxer` is ffmpeg's name, for a copy."""

    method: Method
    format: Format
    muxer: str = ""


_DECODE_TO_FLAC = PreparationPlan("decode", "flac")


@dataclass(frozen=True, slots=True)
class PreparedAudio:
    """The audio that may be sent to the engine: a file of ours or the upload itself, `duration` in seconds.

    Its second 0 is `start` seconds after that of the recording.
    """

    path: Path
    format: Format
    duration: float
    size_bytes: int
    method: Method
    start: float = 0.0


def plan_preparation(source: ProbeResult) -> PreparationPlan:
    """Decide by the content, never by a name."""
    if (
        source.track is None
        or source.channel is not None
        or has_missing_sound(source)
        or source.has_false_clock
    ):
        return _DECODE_TO_FLAC
    # An engine takes the first track of a file, or whichever its own ffmpeg likes best.
    is_readable = not source.has_video and not source.is_cut_off and source.tracks == 1
    if is_readable and (format_ := _groq_format(source)) is not None:
        return PreparationPlan("as_is", format_)
    if source.codec in _COPY_TARGETS:
        return PreparationPlan("copy", *_COPY_TARGETS[source.codec])
    return _DECODE_TO_FLAC


def _groq_format(source: ProbeResult) -> Format | None:
    """The extension under which Groq takes this file as it is; None if it does not."""
    if source.container == "wav" and source.codec.startswith("pcm_"):
        return "wav"
    if source.brand.startswith(("qt", "3g")):
        return None  # Groq takes neither QuickTime nor the 3gp of phones
    return _GROQ_FORMATS.get((source.container, source.codec))


async def prepare(
    ffmpeg: Ffmpeg,
    path: Path,
    source: ProbeResult,
    folder: Path,
    *,
    on_progress: Callable[[float], None] | None = None,
) -> PreparedAudio:
    """Make the engine's file of the recording at `path`: `folder/prepared.*`, unless it can be sent as it is.

    `on_progress` gets the seconds of recording that are done. Raises AudioUnreadable, AudioTruncated,
    AudioTooCostly, StorageFull, ToolMissing, and then leaves no file.
    """
    if source.parts:
        return await _join(ffmpeg, path, source, folder, on_progress)
    plan = plan_preparation(source)
    if plan.method == "as_is":
        return PreparedAudio(
            path, plan.format, source.duration, source.size_bytes, "as_is", start=source.start
        )
    if plan.method == "copy":
        if audio := await _copy_out(plan, path, source, folder):
            _check_complete(audio, source, audio.size_bytes * 2)
            if on_progress:
                on_progress(audio.duration)
            return audio
        try:
            return await _convert(plan, ffmpeg, path, source, folder=folder, on_progress=on_progress)
        except AudioUnreadable:
            plan = _DECODE_TO_FLAC  # a decoder may read a track that its muxer refuses
    return await _convert(plan, ffmpeg, path, source, folder=folder, on_progress=on_progress)


async def _copy_out(
    plan: PreparationPlan, path: Path, source: ProbeResult, folder: Path
) -> PreparedAudio | None:
    """Copy the sound of a film without ffmpeg; None where that cannot be done."""
    if (source.container, source.codec) != ("mov", "aac") or source.start or source.is_cut_off:
        return None
    target = folder / f"prepared.{plan.format}"
    found = await slice_file(plan.format, path, target)
    if found is None:
        return None
    return PreparedAudio(target, plan.format, found.seconds, target.stat().st_size, "copy")


async def _join(
    ffmpeg: Ffmpeg,
    path: Path,
    source: ProbeResult,
    folder: Path,
    on_progress: Callable[[float], None] | None,
) -> PreparedAudio:
    target = folder / "prepared.wav"
    seconds = await join_parts(ffmpeg, path, source, target, on_progress=on_progress)
    return PreparedAudio(target, "wav", seconds, target.stat().st_size, "decode")


async def _convert(
    plan: PreparationPlan,
    ffmpeg: Ffmpeg,
    path: Path,
    source: ProbeResult,
    *,
    folder: Path,
    on_progress: Callable[[float], None] | None,
) -> PreparedAudio:
    target = folder / f"prepared.{plan.format}"
    target.unlink(missing_ok=True)  # a run that was killed may have left its file
    progress = _Progress(source.start, on_progress)
    output_options, bounds = _conversion(plan, source)
    input_options = f"-progress pipe:1 -stats_period 0.5 -t {source.start + source.duration + 1:.3f}"
    await ffmpeg.run(path, input_options, output_options, bounds=bounds, output=target, on_line=progress.read)
    seconds = flac_seconds(target) if plan.method == "decode" else progress.seconds
    audio = PreparedAudio(
        target, plan.format, seconds, target.stat().st_size, plan.method, start=source.start
    )
    _check_complete(audio, source, bounds.output_bytes)
    return audio


def _conversion(plan: PreparationPlan, source: ProbeResult) -> tuple[str, Bounds]:
    """ffmpeg's output options for the plan, and the bounds of its run."""
    bare = f"-map_metadata -1 -map_chapters -1 -t {source.start + source.duration + 1:.3f}"
    if plan.method == "copy":
        bounds = Bounds.of_cpu(5 + source.size_bytes / 10e6, output_bytes=2 * source.size_bytes + 2**20)
        # `start` keeps a late beginning: some players wait for it in the file, others do not.
        at_zero = "-avoid_negative_ts make_zero" if source.start else ""
        return f"-map {source.selector} {bare} {COPY} {at_zero} -f {plan.muxer}", bounds
    # FLAC is never larger than its samples and the headers of its frames.
    largest = round(source.duration * RATE * 2.1) + 2**16
    bounds = Bounds.of_cpu(10 + source.tracks * source.duration / 50, output_bytes=largest)
    return f"{decoding_of(source)} {bare} {TO_FLAC}", bounds


class _Progress:
    """Reads ffmpeg's `-progress` lines: `seconds` of sound are done. `on_progress` gets each new value."""

    def __init__(self, start: float, on_progress: Callable[[float], None] | None) -> None:
        self.seconds = 0.0
        self._start = start
        self._on_progress = on_progress

    def read(self, line: str) -> None:
        seconds = (parse_out_time(line) or 0.0) - self._start
        if seconds > self.seconds:
            self.seconds = seconds
            if self._on_progress:
                self._on_progress(seconds)


def _check_complete(audio: PreparedAudio, source: ProbeResult, most_bytes: int) -> None:
    """Raise when audio is missing: ffmpeg exits with 0 when it has written -fs bytes or lost packets."""
    share = 0.05 if source.has_false_clock else 0.02
    if audio.duration >= source.duration - max(1.0, share * source.duration):
        return
    audio.path.unlink()
    raise AudioTooCostly if audio.size_bytes >= 0.9 * most_bytes else AudioTruncated


def flac_seconds(path: Path) -> float:
    """The duration of a FLAC file of ours: the samples counted in its STREAMINFO (RFC 9639, 8.2)."""
    with path.open("rb") as file:
        head = file.read(26)
    fields = int.from_bytes(head[18:26])  # 20 bits rate, 3 channels, 5 depth, 36 samples
    return (fields & (1 << 36) - 1) / (fields >> 44)
