"""The limits of a cue: how much text, for how long."""

from __future__ import annotations

from dataclasses import dataclass

# Milliseconds; more than two frames of a film, also where a format has only hundredths of a second. What is
# shown for less, players may skip and nobody sees.
TWO_FRAMES = 100


@dataclass(frozen=True, slots=True)
class CueShape:
    """Limits of a cue. The defaults are those of broadcasters; wide characters (Chinese, kana) count as two.

    https://www.bbc.co.uk/accessibility/forproducts/guides/subtitles/ (lengths, times, line breaks)
    """

    line_length: int = 42  # characters
    lines: int = 2
    longest: float = 7.0  # seconds
    shortest: float = 1.0  # seconds, unless the next cue follows at once
    pace: float = 20.0  # characters a second, unless the next cue follows at once

    def __post_init__(self) -> None:
        has_room = self.line_length >= 4 and self.lines >= 1
        if not has_room or not 0 <= self.shortest <= self.longest or self.longest <= 0 or self.pace <= 0:
            raise ValueError(f"no cue fits these limits: {self}")
