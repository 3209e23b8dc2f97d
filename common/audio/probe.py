"""Finds out what a file holds and how long it lasts, by reading its packets: names, types and headers lie."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

from common.audio.channels import choose_channel
from common.audio.child import Bounds
from common.audio.exit_status import error_lines
from common.audio.ffmpeg import COPY, Ffmpeg, parse_out_time
from common.audio.header import Header, read_header
from common.audio.packets import PacketReader, packet_output
from common.audio.tracks import TrackRequest, choose_track
from common.errors import AudioTooCostly, AudioTooLong, AudioTooShort, AudioUnreadable, FileEmpty

MIN_SECONDS = 0.01  # the shortest recording that Groq takes
MIN_RATE, MAX_RATE = 4_000, 192_000  # Hz
MAX_DSD_RATE = 705_600  # bytes a second of one channel, which ffmpeg calls its sample rate: DSD128
MAX_CHANNELS = 8

_CHANNELS = {"mono": 1, "stereo": 2, "downmix": 2, "quad": 4, "hexagonal": 6, "octagonal": 8, "cube": 8}
_CUT_OFF = ("partial file", "File ended prematurely")  # messages of the mov and matroska demuxers
_COUNTING = frozenset({"mov", "matroska", "mp3", "flac"})  # a wav that was streamed claims 37 hours
_CHANNEL_COUNT = re.compile(r"(\d+)(?:\.(\d+))?(?:\.(\d+))?(?: channels)?(?:\(.*\))?")


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """An audio track of a file: `duration` in seconds, `sample_rate` in Hz.

    `track` is its index among the `tracks` audio tracks, from 0; None means the mix of all. `channel` is the
    index of the one channel to use; None means the mix of all, as usual.

    `start`: seconds of a film before its sound begins; `duration` counts from there.

    `container` and `codec` are ffmpeg's names (`mov`, `matroska`, `ogg`; `aac`, `opus`); `brand` is the major
    brand of a file of the mov family (`M4A`, `isom`, `qt`), else empty. `has_video` means a moving picture,
    not a cover. `is_cut_off`: the end of the file is missing, but what is left can be read. `is_short`: it is
    cut off, or lasts less than its header claims. `has_gap`: packets are missing midway.
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
    track: int | None = 0
    tracks: int = 1
    channel: int | None = None
    is_short: bool = False
    has_gap: bool = False

    @property
    def selector(self) -> str:
        """What ffmpeg's -map takes for the track, or for all of them."""
        return selector_of(self.track)


def selector_of(track: int | None) -> str:
    return "0:a" if track is None else f"0:a:{track}"


async def probe(
    ffmpeg: Ffmpeg, source: Path, *, max_seconds: float, track: TrackRequest = None
) -> ProbeResult:
    """Choose a track and read its packets, up to just past `max_seconds`, without decoding.

    Raises FileEmpty, AudioUnreadable, AudioTrackMissing, AudioTrackUnknown, AudioTruncated, AudioTooShort,
    AudioTooLong, AudioTooCostly.
    """
    size_bytes = os.lstat(source).st_size
    if size_bytes == 0:
        raise FileEmpty
    header = await read_header(ffmpeg, source)
    chosen = await choose_track(ffmpeg, source, header, track)
    selector = selector_of(chosen)
    packets = PacketReader()
    log = await ffmpeg.run(
        source,
        f"-progress pipe:1 -stats_period 3600 -t {max_seconds + 1:.3f}",
        # The first packet says what the track is; all of them say how long it lasts.
        f"{packet_output(selector, header.container)} -map {selector} {COPY} -f null /dev/null",
        bounds=Bounds.of_cpu(5 + size_bytes / 20e6),
        on_line=packets.read,
    )
    probed = parse_probe(packets.lines, log, size_bytes)
    _check_formats(packets.lines)
    if chosen is None:  # tracks may begin at different times: the mix counts from the start of the file
        probed = replace(probed, start=0.0, duration=probed.start + probed.duration)
    probed = check_limits(replace(probed, track=chosen, tracks=header.tracks), max_seconds)
    return replace(
        probed,
        channel=await _channel_of(ffmpeg, source, probed),
        has_gap=packets.has_gap and probed.track is not None,
        is_short=probed.is_cut_off or _claims_more(header, probed),
    )


def _claims_more(header: Header, probed: ProbeResult) -> bool:
    """Whether a header that counts the sound alone claims much more than there is."""
    if header.duration is None or probed.has_video or probed.tracks > 1 or probed.container not in _COUNTING:
        return False
    return header.duration - probed.start - probed.duration > max(1.0, 0.02 * header.duration)


async def _channel_of(ffmpeg: Ffmpeg, source: Path, probed: ProbeResult) -> int | None:
    if probed.track is None:
        return None
    return await choose_channel(
        ffmpeg, source, probed.track, probed.channels, start=probed.start, duration=probed.duration
    )


def parse_probe(lines: Sequence[str], log: str, size_bytes: int) -> ProbeResult:
    """Parse ffmpeg's `framecrc` and `-progress` lines and its log. Raises AudioUnreadable."""
    fields = dict(re.findall(r"^#(\w+) 0: (.+)$", "\n".join(lines), re.MULTILINE))
    end = parse_out_time(next((line for line in reversed(lines) if line.startswith("out_time_us=")), ""))
    container = re.search(r"^\[info\] Input #0, (\w+)", log, re.MULTILINE)
    if container is None or end is None or not {"codec_id", "sample_rate", "tb"} <= fields.keys():
        raise AudioUnreadable
    brand = re.search(r"^\[info\] {5}major_brand {5}: (\w+)", log, re.MULTILINE)
    pictures = re.findall(r"^\[info\]   Stream #0:\d+.*?: Video: .*$", log, re.MULTILINE)
    start = max(0.0, next(packet_times(lines), 0.0))
    return ProbeResult(
        container=container[1],
        brand=brand[1] if brand and container[1] == "mov" else "",
        codec=fields["codec_id"],
        duration=end - start,
        sample_rate=int(fields["sample_rate"]),
        channels=_channels(fields.get("channel_layout_name", "")),
        has_video=any("(attached pic)" not in picture for picture in pictures),
        is_cut_off=any(message in error_lines(log) for message in _CUT_OFF),
        size_bytes=size_bytes,
        start=start,
    )


def _check_formats(lines: Iterable[str]) -> None:
    """Raise AudioTooCostly if any of the tracks has a rate or channels outside the limits."""
    text = "\n".join(lines)
    codecs = re.findall(r"^#codec_id \d+: (.+)$", text, re.MULTILINE)
    rates = re.findall(r"^#sample_rate \d+: (\d+)$", text, re.MULTILINE)
    layouts = re.findall(r"^#channel_layout_name \d+: (.+)$", text, re.MULTILINE)
    if not all(
        _is_rate_allowed(codec, int(rate)) for codec, rate in zip(codecs, rates, strict=False)
    ) or not all(1 <= _channels(layout) <= MAX_CHANNELS for layout in layouts):
        raise AudioTooCostly


def packet_times(lines: Iterable[str]) -> Iterator[float]:
    """The presentation time of each packet in `framecrc` lines (`0, dts, pts, duration, …`), in seconds."""
    base = Fraction(1)
    for line in lines:
        if line.startswith("#tb 0: "):
            base = Fraction(line.removeprefix("#tb 0: "))
        elif packet := re.match(r"0, +\S+, +(-?\d+),", line):
            yield float(int(packet[1]) * base)


def check_limits(probed: ProbeResult, max_seconds: float) -> ProbeResult:
    """The same result. Raises AudioTooCostly, AudioTooShort, AudioTooLong where it exceeds a limit."""
    if not _is_rate_allowed(probed.codec, probed.sample_rate) or not 1 <= probed.channels <= MAX_CHANNELS:
        raise AudioTooCostly
    if probed.duration < MIN_SECONDS:
        raise AudioTooShort(minimum=MIN_SECONDS)
    if probed.duration > max_seconds:
        raise AudioTooLong(limit_minutes=round(max_seconds / 60, 1))
    return probed


def _is_rate_allowed(codec: str, rate: int) -> bool:
    return MIN_RATE <= rate <= (MAX_DSD_RATE if codec.startswith("dsd_") else MAX_RATE)


def _channels(layout: str) -> int:
    """`stereo` → 2, `5.1(side)` → 6, `65535 channels` → 65535, anything else → 0."""
    counts = _CHANNEL_COUNT.fullmatch(layout)
    return sum(int(count) for count in counts.groups() if count) if counts else _CHANNELS.get(layout, 0)
