"""Reads the packets of a track: when they begin and end, and whether some are missing midway.

ffmpeg itself drops the packets that say nothing new, so that an hour costs a few lines of output.
"""

from __future__ import annotations

from fractions import Fraction

from common.audio.ffmpeg import COPY

# Containers whose packets have times of their own. In the others, packets follow each other without a clock.
_TIMED = frozenset({"mov", "matroska", "flv", "asf", "avi", "mpegts", "mpeg"})

_GAP = 0.05  # seconds between two packets
_FALSE = 0.5  # seconds by which packets may overlap
# Seconds. In mp4, the packet before a gap lasts until the next one: longer than this and than the first.
_LONG = 0.13

# Keeps the first packet, and each that does not begin where the one before it ended, or that lasts too long.
# Registers of the expression hold the end of the packet before (0) and how long the first one lasts (1):
# https://ffmpeg.org/ffmpeg-utils.html#Expression-Evaluation
_KEEP = f"gt(n,0)*lt(abs(pts-ld(0)),{_GAP}/tb)*lt(d,max({{long}}/tb,2.5*ld(1)))"
_DROP = "noise=drop='if({keep},st(0,pts+d)*0+1,st(0,pts+d)*0+if(eq(n,0),st(1,d),0)*0)'"


def packet_output(track: int | None, container: str) -> str:
    """ffmpeg's output options for the lines that a PacketReader takes. A track of None means all of them.

    The first packet says what the track is; all of them say how long it lasts.
    """
    if track is None:  # the progress of this output is that of the track which lasts longest
        last = f"-map 0:a {COPY} -f null /dev/null"
        return f"-map 0:a -c copy -frames:a 1 -f framecrc pipe:1 {last}"
    keep = _KEEP.format(long=_LONG if container == "mov" else 3600) if container in _TIMED else "gt(n,0)"
    return f"-map 0:a:{track} {COPY} -bsf:a {_DROP.format(keep=keep)} -f framecrc pipe:1"


def clock_output(track: int) -> str:
    """ffmpeg's output options for the lines that a ClockReader takes."""
    return f"-map 0:a:{track} {COPY} -f framecrc pipe:1"


class PacketReader:
    """Keeps, of the lines of `packet_output` and of `-progress`, what a probe needs: `lines`.

    `has_gap`: packets are missing midway.
    """

    def __init__(self) -> None:
        self.lines: list[str] = []
        self._packets = 0

    @property
    def has_gap(self) -> bool:
        return self._packets > 1

    def read(self, line: str) -> None:
        if line[:1].isdigit():  # a packet: `track, dts, pts, duration, …`
            self._packets += line.startswith("0,")
            if self._packets > 1 or not line.startswith("0,"):
                return
        self.lines.append(line)


class ClockReader:
    """Reads the times of all packets, of the lines of `clock_output`."""

    def __init__(self) -> None:
        self._base = Fraction(1)
        self._first: int | None = None
        self._end, self._sum, self._packets = 0, 0, 0

    @property
    def seconds(self) -> float:
        """How long the packets last at most: each duration is rounded to a unit of the clock."""
        return float((self._sum + self._packets / 2) * self._base)

    @property
    def is_false(self) -> bool:
        """Whether the packets last longer than their clock says.

        So it is in a Matroska file that begins before 0: ffmpeg makes up times until 0 comes.
        """
        return float((self._sum - self._end + (self._first or 0)) * self._base) > _FALSE

    def read(self, line: str) -> None:
        if line.startswith("#tb 0: "):
            self._base = Fraction(line.removeprefix("#tb 0: "))
        elif line.startswith("0,"):
            _, _, time, duration, *_ = line.split(",", 4)
            self._first = int(time) if self._first is None else self._first
            self._end = int(time) + int(duration)
            self._sum += int(duration)
            self._packets += 1
