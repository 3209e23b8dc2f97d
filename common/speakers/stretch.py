"""What the child hears of a recording at once: some minutes, and where words and windows over words are."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass

from common.speakers.windows import SHORTEST, Span, join_spans, speech_of, windows_of, within


@dataclass(frozen=True, slots=True)
class Stretch:
    """Times are the recording's, and `at` is where the sound begins.

    Stretches overlap: only what lies from `start` to `end` counts, and either may be infinite.
    """

    at: float
    start: float
    end: float
    windows: list[Span]
    words: list[Span]

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Stretch:
        fields = json.loads(text)
        windows, words = ([Span(*span) for span in fields.pop(name)] for name in ("windows", "words"))
        return cls(**fields, windows=windows, words=words)

    def own(self, spans: Iterable[Span]) -> list[Span]:
        """The parts that count of spans on the clock of the sound, on the recording's clock."""
        moved = (Span(max(start + self.at, self.start), min(end + self.at, self.end)) for start, end in spans)
        return [span for span in moved if span.end > span.start]


def stretch_of(words: Sequence[Span], *, at: float, start: float, end: float) -> Stretch:
    """With the windows that begin in it, and the words in it, those with short pauses as one."""
    windows = within(windows_of(speech_of(words)), start, end)
    around = [word for word in join_spans(words, SHORTEST) if word.end > start and word.start < end]
    return Stretch(at, start, end, windows, around)
