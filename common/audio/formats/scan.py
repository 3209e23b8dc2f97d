"""What a scan of a file's own bytes says of it."""

from __future__ import annotations

from dataclasses import dataclass

MOST_PARTS = 200  # each costs a run of ffmpeg; more are an attack


@dataclass(frozen=True, slots=True)
class Part:
    """A stretch of a file that is a recording by itself: its bytes from `start` to `end`, and its seconds."""

    start: int
    end: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Scan:
    """An audio file whose every frame or page was counted; the names are ffmpeg's, as in a ProbeResult.

    `parts` are several where recordings follow each other in one file. `claimed` is the duration in the
    header, None if there is none. `has_video` and `has_gap` are as in a ProbeResult. `is_damaged`: bytes
    midway are no audio. `is_cut_off`: the last page is not whole.
    """

    container: str
    codec: str
    sample_rate: int
    channels: int
    parts: tuple[Part, ...]
    claimed: float | None = None
    brand: str = ""
    has_video: bool = False
    has_gap: bool = False
    is_damaged: bool = False
    is_cut_off: bool = False

    @property
    def seconds(self) -> float:
        return sum(part.seconds for part in self.parts)
