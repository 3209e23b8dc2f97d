"""What a piece that was copied out of a file covers."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Slice:
    """Where a piece really begins, on the clock of the whole file, and how long it lasts; in seconds."""

    start: float
    seconds: float
