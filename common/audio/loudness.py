"""Measures how loud a recording is in some spans of it, and decodes no more than those.

Decoding a whole hour would take minutes on a tenth of a processor; a few seconds take a moment.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import floor

from common.audio.child import Bounds
from common.audio.decoding import RATE
from common.audio.ffmpeg import Ffmpeg
from common.audio.prepare import PreparedAudio

Span = tuple[float, float]  # seconds, from and to

STEP = 0.1  # seconds that one level covers
SILENT = -120.0  # dBFS, in place of minus infinity

_MARGIN = 0.3  # seconds measured on either side of a span, since an engine's times are inexact
_WARM_UP = 2  # steps: a decoder that starts in the middle, and a filter at its start, give wrong levels
_JOIN_WITHIN = 2.0  # seconds; spans closer than this are measured in one run
_LONGEST = 60.0  # seconds of one span; no line of an engine is longer
_MOST_RUNS = 24
_MOST_SECONDS = 180.0

# The high pass removes mains hum and a microphone's constant offset: neither is a sound that a person makes.
_FILTER = (
    f"-af aresample={RATE},aformat=sample_fmts=flt:channel_layouts=mono,highpass=f=100,"
    f"asetnsamples=n={round(RATE * STEP)}:p=0,"
    "astats=metadata=1:reset=1:measure_perchannel=none:measure_overall=RMS_level,"
    r"ametadata=mode=print:key=lavfi.astats.Overall.RMS_level:file=pipe\\:1 -filter_threads 1"
)
_LEVEL = re.compile(r"lavfi\.astats\.Overall\.RMS_level=(-?[\d.]+|-inf)")


@dataclass(frozen=True, slots=True)
class SpanLevels:
    """The levels in `span`: `levels[i]` is the dBFS (RMS) of the STEP from `start + i * STEP`."""

    span: Span
    start: float
    levels: tuple[float, ...]

    def loudest(self, start: float, end: float) -> float | None:
        first, last = (floor((seconds - self.start) / STEP) for seconds in (start, end))
        return max(self.levels[max(0, first) : max(0, last + 1)], default=None)


@dataclass(frozen=True, slots=True)
class LoudnessProfile:
    """The loudest level between two seconds, in dBFS; None unless all between them was measured.

    `end` is the end of the recording, in seconds.
    """

    spans: tuple[SpanLevels, ...]
    end: float

    def __call__(self, start: float, end: float) -> float | None:
        start, end = max(0.0, start), min(end, self.end)
        inside = (each for each in self.spans if each.span[0] <= start + STEP and end <= each.span[1] + STEP)
        return next((each.loudest(start, end) for each in inside), None)


async def measure_loudness(ffmpeg: Ffmpeg, audio: PreparedAudio, spans: Iterable[Span]) -> LoudnessProfile:
    """Measure the spans, which are on the recording's clock; if there are too many, the last are left out.

    Raises what Ffmpeg.run raises.
    """
    end = audio.start + audio.duration
    levels = [await _measure_span(ffmpeg, audio, span) for span in plan_spans(spans, end=end)]
    return LoudnessProfile(tuple(levels), end)


def plan_spans(spans: Iterable[Span], *, end: float) -> list[Span]:
    """The spans to measure, in order of time: close ones joined, none past `end`, the total limited."""
    plan: list[Span] = []
    for start, until in spans:
        span = (max(0.0, start - _MARGIN), min(end, until + _MARGIN))
        extended = _join_close([*plan, span])
        if 0 < span[1] - span[0] <= _LONGEST and _is_affordable(extended):
            plan = extended
    return plan


def _join_close(spans: Iterable[Span]) -> list[Span]:
    joined: list[Span] = []
    for start, end in sorted(spans):
        last = joined[-1] if joined else None
        if last and start - last[1] < _JOIN_WITHIN:
            joined[-1] = (last[0], max(last[1], end))
        else:
            joined.append((start, end))
    return joined


def _is_affordable(spans: Sequence[Span]) -> bool:
    return len(spans) <= _MOST_RUNS and sum(end - start for start, end in spans) <= _MOST_SECONDS


async def _measure_span(ffmpeg: Ffmpeg, audio: PreparedAudio, span: Span) -> SpanLevels:
    start, end = (max(0.0, seconds - audio.start) for seconds in span)
    warm_up = _WARM_UP * STEP if start >= _WARM_UP * STEP else 0.0
    lines: list[str] = []
    await ffmpeg.run(
        audio.path,
        f"-ss {start - warm_up:.3f} -t {end - start + warm_up:.3f}",
        f"-map 0:a:0 {_FILTER} -f null /dev/null",
        bounds=Bounds.of_cpu(5 + audio.size_bytes / 20e6),
        on_line=lines.append,
    )
    return SpanLevels(span, audio.start + start, tuple(_parse_levels(lines))[_WARM_UP if warm_up else 0 :])


def _parse_levels(lines: Iterable[str]) -> Iterator[float]:
    for line in lines:
        if level := _LEVEL.fullmatch(line):
            yield SILENT if level[1] == "-inf" else max(SILENT, float(level[1]))
