"""How loud a recording is at some moments of it, decoding no more than those.

An hour decoded for this would take minutes on a tenth of a processor; a few seconds take a moment.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import floor

from common.audio.child import Bounds
from common.audio.ffmpeg import Ffmpeg
from common.audio.prepare import RATE, Prepared

Span = tuple[float, float]  # seconds, from and to

STEP = 0.1  # seconds that one level stands for
SILENT = -120.0  # dBFS, in place of minus infinity

_MARGIN = 0.3  # seconds measured on either side of what was asked, since times are inexact
_WARM_UP = 2  # steps: a decoder that starts in the middle, and a filter that starts at all, give none of use
_APART = 2.0  # seconds; spans closer than this are measured in one run
_LONGEST = 60.0  # seconds of one span; no line of an engine is longer
_MOST_RUNS = 24
_MOST_SECONDS = 180.0

# The high pass: mains hum and a microphone's constant offset are no sound that anybody makes.
_FILTER = (
    f"-af aresample={RATE},aformat=sample_fmts=flt:channel_layouts=mono,highpass=f=100,"
    f"asetnsamples=n={round(RATE * STEP)}:p=0,"
    "astats=metadata=1:reset=1:measure_perchannel=none:measure_overall=RMS_level,"
    r"ametadata=mode=print:key=lavfi.astats.Overall.RMS_level:file=pipe\\:1 -filter_threads 1"
)
_LEVEL = re.compile(r"lavfi\.astats\.Overall\.RMS_level=(-?[\d.]+|-inf)")


@dataclass(frozen=True, slots=True)
class Stretch:
    """What was measured of `span`: `levels[i]` is the dBFS (RMS) of the STEP from `start + i * STEP`."""

    span: Span
    start: float
    levels: tuple[float, ...]

    def loudest(self, start: float, end: float) -> float | None:
        first, last = (floor((seconds - self.start) / STEP) for seconds in (start, end))
        return max(self.levels[max(0, first) : max(0, last + 1)], default=None)


@dataclass(frozen=True, slots=True)
class Measured:
    """The loudest moment between two seconds, in dBFS; None unless all between them was measured.

    `end` is where the recording ends.
    """

    stretches: tuple[Stretch, ...]
    end: float

    def __call__(self, start: float, end: float) -> float | None:
        start, end = max(0.0, start), min(end, self.end)
        inside = (one for one in self.stretches if one.span[0] <= start + STEP and end <= one.span[1] + STEP)
        return next((one.loudest(start, end) for one in inside), None)


async def measure(ffmpeg: Ffmpeg, prepared: Prepared, spans: Iterable[Span]) -> Measured:
    """How loud it is in `spans`, on the recording's clock; of too many, the last are left out.

    Raises what Ffmpeg.run raises.
    """
    end = prepared.start + prepared.duration
    stretches = [await _stretch(ffmpeg, prepared, span) for span in planned(spans, end=end)]
    return Measured(tuple(stretches), end)


def planned(spans: Iterable[Span], *, end: float) -> list[Span]:
    """What to measure, in order of time: neighbours together, none past `end`, and in all within bounds."""
    chosen: list[Span] = []
    for start, until in spans:
        wider = (max(0.0, start - _MARGIN), min(end, until + _MARGIN))
        joined = _joined([*chosen, wider])
        if 0 < wider[1] - wider[0] <= _LONGEST and _is_affordable(joined):
            chosen = joined
    return chosen


def _joined(spans: Iterable[Span]) -> list[Span]:
    joined: list[Span] = []
    for start, end in sorted(spans):
        last = joined[-1] if joined else None
        if last and start - last[1] < _APART:
            joined[-1] = (last[0], max(last[1], end))
        else:
            joined.append((start, end))
    return joined


def _is_affordable(spans: Sequence[Span]) -> bool:
    return len(spans) <= _MOST_RUNS and sum(end - start for start, end in spans) <= _MOST_SECONDS


async def _stretch(ffmpeg: Ffmpeg, prepared: Prepared, span: Span) -> Stretch:
    start, end = (max(0.0, seconds - prepared.start) for seconds in span)
    warm_up = _WARM_UP * STEP if start >= _WARM_UP * STEP else 0.0
    lines: list[str] = []
    await ffmpeg.run(
        prepared.path,
        f"-ss {start - warm_up:.3f} -t {end - start + warm_up:.3f}",
        f"-map 0:a:0 {_FILTER} -f null /dev/null",
        bounds=Bounds.of_cpu(5 + prepared.size_bytes / 20e6),
        on_line=lines.append,
    )
    return Stretch(span, prepared.start + start, tuple(_levels(lines))[_WARM_UP if warm_up else 0 :])


def _levels(lines: Iterable[str]) -> Iterator[float]:
    for line in lines:
        if found := _LEVEL.fullmatch(line):
            yield SILENT if found[1] == "-inf" else max(SILENT, float(found[1]))
