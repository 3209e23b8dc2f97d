"""What the child hears of a recording at once: some minutes, and where words are in them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass

from common.speakers.windows import Span, join_pauses, speech_of, windows_of

BYTES_A_SECOND = 2 * 16_000  # of 16-bit samples


@dataclass(frozen=True, slots=True)
class Stretch:
    """Times are the recording's, and `at` is where the sound begins.

    Stretches overlap: only what lies from `start` to `end` counts, and either may be infinite.
    """

    at: float
    start: float
    end: float
    words: list[Span]

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Stretch:
        fields = json.loads(text)
        words = [Span(*span) for span in fields.pop("words")]
        return cls(**fields, words=words)

    def heard(self, size_bytes: int) -> tuple[float, float]:
        """Where what counts of the sound begins and ends, whose 16-bit samples are so many bytes."""
        return max(self.start, self.at), min(self.end, self.at + size_bytes / BYTES_A_SECOND)

    def windows(self, wordless: Iterable[Span]) -> list[Span]:
        """Those that begin in it, over its words and over speech that has none."""
        windows = windows_of(speech_of(self.words, wordless))
        return [window for window in windows if self.start <= window.start < self.end]


def stretch_of(words: Sequence[Span], *, at: float, start: float, end: float) -> Stretch:
    """With the words in it, those without a pause between them as one."""
    around = [word for word in join_pauses(words) if word.end > start and word.start < end]
    return Stretch(at, start, end, around)
