"""What is known of the audio track of a file, and the limits that it must keep. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from common.audio.formats.scan import Part, Scan
from common.errors import AudioTooCostly, AudioTooLong, AudioTooShort

MIN_SECONDS = 0.01  # the shortest recording that Groq takes
MIN_RATE, MAX_RATE = 4_000, 192_000  # Hz
MAX_DSD_RATE = 705_600  # bytes a second of one channel, which ffmpeg calls its sample rate: DSD128
MAX_CHANNELS = 8


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """An audio track of a file: `duration` in seconds, `sample_rate` in Hz.

    `track` is its index among the `tracks` audio tracks, from 0; None means the mix of all. `channel` is the
    index of the one channel to use; None means the mix of all, as usual.

    `start`: seconds of a film before its sound begins; `duration` counts from there.

    `container` and `codec` are ffmpeg's names (`mov`, `matroska`, `ogg`; `aac`, `opus`); `brand` is the major
    brand of a file of the mov family (`M4A`, `isom`, `qt`), else empty. `has_video` means a moving picture,
    not a cover. `is_cut_off`: the end of the file is missing, but what is left can be read. `is_short`: it is
    cut off, or lasts less than its header claims. `has_gap`: packets are missing midway. `is_damaged`: bytes
    midway are no audio. `has_false_clock`: the times of its packets are not to be trusted. `parts` has the
    recordings that follow each other in the file, if there are several.
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
    is_damaged: bool = False
    has_false_clock: bool = False
    parts: tuple[Part, ...] = ()

    @property
    def selector(self) -> str:
        """What ffmpeg's -map takes for the track, or for all of them."""
        return selector_of(self.track)


def selector_of(track: int | None) -> str:
    return "0:a" if track is None else f"0:a:{track}"


def result_of_scan(scan: Scan, size_bytes: int) -> ProbeResult:
    return ProbeResult(
        container=scan.container,
        brand=scan.brand,
        codec=scan.codec,
        duration=scan.seconds,
        sample_rate=scan.sample_rate,
        channels=scan.channels,
        has_video=scan.has_video,
        is_cut_off=scan.is_cut_off,
        size_bytes=size_bytes,
        is_short=scan.is_cut_off or (not scan.is_damaged and claims_more(scan.claimed, scan.seconds)),
        has_gap=scan.has_gap,
        is_damaged=scan.is_damaged,
        parts=scan.parts if len(scan.parts) > 1 else (),
    )


def claims_more(claimed: float | None, seconds: float) -> bool:
    """Whether a header claims much more than there is."""
    return claimed is not None and claimed - seconds > max(1.0, 0.02 * claimed)


def check_limits(probed: ProbeResult, max_seconds: float) -> ProbeResult:
    """The same result. Raises AudioTooCostly, AudioTooShort, AudioTooLong where it exceeds a limit."""
    if not is_rate_allowed(probed.codec, probed.sample_rate) or not 1 <= probed.channels <= MAX_CHANNELS:
        raise AudioTooCostly
    if probed.duration < MIN_SECONDS:
        raise AudioTooShort(minimum=MIN_SECONDS)
    check_length(probed.duration, max_seconds)
    return probed


def check_length(seconds: float, max_seconds: float) -> None:
    """Raises AudioTooLong."""
    if seconds > max_seconds:
        raise AudioTooLong(limit_minutes=round(max_seconds / 60, 1))


def is_rate_allowed(codec: str, rate: int) -> bool:
    return MIN_RATE <= rate <= (MAX_DSD_RATE if codec.startswith("dsd_") else MAX_RATE)
