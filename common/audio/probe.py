"""Finds out what a file holds and how long it lasts, by counting frames or packets: names and headers lie."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

from common.audio.channels import choose_channel
from common.audio.child import Bounds
from common.audio.exit_status import error_lines
from common.audio.ffmpeg import Ffmpeg, parse_out_time
from common.audio.formats.holes import has_hole_in
from common.audio.formats.mp3_stereo import is_mix_audible
from common.audio.formats.scan_file import scan_file
from common.audio.header import Header, parse_header, read_header
from common.audio.mp4_shape import check_shape
from common.audio.packets import ClockReader, PacketReader, clock_output, packet_output
from common.audio.probe_result import (
    MAX_CHANNELS,
    ProbeResult,
    check_limits,
    claims_more,
    is_rate_allowed,
    result_of_scan,
)
from common.audio.tracks import TrackRequest, choose_track
from common.errors import AudioRefused, AudioTooCostly, AudioUnreadable, FileEmpty

_CHANNELS = {"mono": 1, "stereo": 2, "downmix": 2, "quad": 4, "hexagonal": 6, "octagonal": 8, "cube": 8}
_EBML = b"\x1a\x45\xdf\xa3"
_CUT_OFF = ("partial file", "File ended prematurely")  # messages of the mov and matroska demuxers
_COUNTING = frozenset({"mov", "matroska", "mp3", "flac"})  # a wav that was streamed claims 37 hours
_CHANNEL_COUNT = re.compile(r"(\d+)(?:\.(\d+))?(?:\.(\d+))?(?: channels)?(?:\(.*\))?")


async def probe(
    ffmpeg: Ffmpeg, source: Path, *, max_seconds: float, track: TrackRequest = None
) -> ProbeResult:
    """Choose a track and find out how long it lasts, without decoding more than a few seconds.

    Raises FileEmpty, AudioUnreadable, AudioTrackMissing, AudioTrackUnknown, AudioTruncated, AudioTooShort,
    AudioTooLong, AudioTooCostly.
    """
    size_bytes = os.lstat(source).st_size
    if size_bytes == 0:
        raise FileEmpty
    await asyncio.to_thread(check_shape, source)
    scan = await asyncio.to_thread(scan_file, source) if track in (None, 1, "mix") else None
    if scan:
        probed = check_limits(result_of_scan(scan, size_bytes), max_seconds)
    else:
        probed = await _read_packets(ffmpeg, source, max_seconds, track)
        is_damaged = await asyncio.to_thread(has_hole_in, source, probed.codec)
        probed = replace(probed, is_damaged=is_damaged)
    return replace(probed, channel=await _channel_of(ffmpeg, source, probed))


async def _read_packets(ffmpeg: Ffmpeg, source: Path, max_seconds: float, track: TrackRequest) -> ProbeResult:
    """Choose a track and read its packets, up to just past `max_seconds`."""
    size_bytes = os.lstat(source).st_size
    run = await _read_only_track(ffmpeg, source, max_seconds) if track is None else None
    if run is None:
        header = await read_header(ffmpeg, source)
        chosen = await choose_track(ffmpeg, source, header, track)
        log, packets = await _run_packets(ffmpeg, source, max_seconds, chosen, header.container)
    else:
        (log, packets), header, chosen = run, parse_header(run[0]), 0
    probed = parse_probe(packets.lines, log, size_bytes)
    _check_formats(packets.lines)
    has_gap = packets.has_gap and chosen is not None
    if has_gap and header.container == "matroska":
        probed = await _check_clock(ffmpeg, source, max_seconds, replace(probed, track=chosen))
    if chosen is None:  # tracks may begin at different times: the mix counts from the start of the file
        probed = replace(probed, start=0.0, duration=probed.start + probed.duration)
    probed = check_limits(replace(probed, track=chosen, tracks=header.tracks), max_seconds)
    return replace(
        probed,
        has_gap=has_gap and not probed.has_false_clock,
        is_short=probed.is_cut_off or _claims_more(header, probed),
    )


async def _read_only_track(
    ffmpeg: Ffmpeg, source: Path, max_seconds: float
) -> tuple[str, PacketReader] | None:
    """Read header and packets in one run: of webm, which browsers record, when it has only one track."""
    with source.open("rb") as file:
        if file.read(4) != _EBML:
            return None
    try:
        log, packets = await _run_packets(ffmpeg, source, max_seconds, 0, "matroska")
    except (AudioRefused, OSError):
        return None  # looking again tells what is wrong
    header = parse_header(log)
    return (log, packets) if header.tracks == 1 and header.container == "matroska" else None


async def _run_packets(
    ffmpeg: Ffmpeg, source: Path, max_seconds: float, track: int | None, container: str
) -> tuple[str, PacketReader]:
    packets = PacketReader()
    log = await ffmpeg.run(
        source,
        f"-progress pipe:1 -stats_period 3600 -t {max_seconds + 1:.3f}",
        packet_output(track, container),
        bounds=Bounds.of_cpu(5 + os.lstat(source).st_size / 20e6),
        on_line=packets.read,
    )
    return log, packets


async def _check_clock(ffmpeg: Ffmpeg, source: Path, max_seconds: float, probed: ProbeResult) -> ProbeResult:
    """The same result; where the packets' clock is false, one by how long they last."""
    clock = ClockReader()
    await ffmpeg.run(
        source,
        f"-t {max_seconds + 1:.3f}",
        clock_output(probed.track or 0),
        bounds=Bounds.of_cpu(5 + probed.size_bytes / 20e6),
        on_line=clock.read,
    )
    if not clock.is_false:
        return probed
    return replace(probed, start=0.0, duration=clock.seconds, has_false_clock=True)


def _claims_more(header: Header, probed: ProbeResult) -> bool:
    """Whether a header that counts the sound alone claims much more than there is."""
    if header.duration is None or probed.has_video or probed.tracks > 1 or probed.container not in _COUNTING:
        return False
    return claims_more(header.duration, probed.start + probed.duration)


async def _channel_of(ffmpeg: Ffmpeg, source: Path, probed: ProbeResult) -> int | None:
    if probed.track is None or probed.parts:
        return None
    if probed.codec == probed.container == "mp3" and await asyncio.to_thread(is_mix_audible, source):
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
        is_rate_allowed(codec, int(rate)) for codec, rate in zip(codecs, rates, strict=False)
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


def _channels(layout: str) -> int:
    """`stereo` → 2, `5.1(side)` → 6, `65535 channels` → 65535, anything else → 0."""
    counts = _CHANNEL_COUNT.fullmatch(layout)
    return sum(int(count) for count in counts.groups() if count) if counts else _CHANNELS.get(layout, 0)
