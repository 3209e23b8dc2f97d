"""ffmpeg's options to decode a recording to what Whisper hears: one channel at 16 kHz. Pure."""

from __future__ import annotations

from common.audio.probe_result import ProbeResult

RATE = 16_000  # Hz, Whisper's sample rate

# asetnsamples: without it a hostile packet may decode to minutes of sound, and ffmpeg that runs out of memory
# over one exits with 0 and audio missing. s16: by default the encoder writes 24 bits, twice the size.
_BOUNDED = "asetnsamples=n=8192:p=0"
# Decoders drop the time of missing packets; this fills it with silence, before asetnsamples joins the frames.
_FILL = "aresample=async=1:min_hard_comp=0.03"
_MONO = f"-filter_threads 1 -threads 1 -ac 1 -ar {RATE}"
TO_PCM = f"{_MONO} -f s16le"
TO_FLAC = f"{_MONO} -sample_fmt s16 -c:a flac -f flac"
DECODE = f"-af {_BOUNDED} {TO_FLAC}"

# Their frames follow each other without times, so nobody knows how much is missing.
WITHOUT_CLOCK = frozenset({"mp3", "aac", "ac3", "eac3", "dts"})


def has_missing_sound(source: ProbeResult) -> bool:
    """Whether decoding must fill in silence, so that the words after it keep their times."""
    return source.has_gap or (source.is_damaged and source.container not in WITHOUT_CLOCK)


def decoding_of(source: ProbeResult) -> str:
    """What to decode: the track, a channel of it, or the mix of all tracks at their times."""
    if source.track is not None:
        pan = "" if source.channel is None else f",pan=mono|c0=c{source.channel}"
        fill = f"{_FILL}," if has_missing_sound(source) else ""
        fill = "asetpts=N/SR/TB," if source.has_false_clock else fill
        return f"-map {source.selector} -af {fill}{_BOUNDED}{pan}"
    parts = [f"[0:a:{i}]{_FILL}:first_pts=0,{_BOUNDED}[t{i}]" for i in range(source.tracks)]
    names = "".join(f"[t{i}]" for i in range(source.tracks))
    mix = f"{names}amix=inputs={source.tracks}:duration=longest,{_BOUNDED}[mix]"
    return f"-filter_complex {';'.join(parts)};{mix} -map [mix]"
