"""Divides a transcript into cues that nobody has to mend: readable lines, and times to read them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from common.models import Transcript
from common.text.cue_division import break_lines, divide
from common.text.cue_shape import CueShape
from common.text.cue_times import add_times
from common.text.cue_words import CueWord, cue_words, recording_end

# Where in a line a word starts, and when it is spoken, in milliseconds.
Mark = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Cue:
    """The lines on the screen from `start` to `end`, in milliseconds; `marks` has the words of each line."""

    start: int
    end: int
    lines: tuple[str, ...]
    speaker: str | None = None
    marks: tuple[tuple[Mark, ...], ...] = field(default=(), compare=False)


def make_cues(
    transcript: Transcript, shape: CueShape | None = None, *, says_names: bool = False
) -> list[Cue]:
    """The cues in order; no two overlap, and each word is in exactly one. `says_names` as in `cue_words`."""
    shape, limit = shape or CueShape(), recording_end(transcript)
    groups = divide(cue_words(transcript, shape.line_length, says_names=says_names), shape, limit)
    return [_cue(start, end, words, shape) for start, end, words in add_times(groups, shape, limit)]


def _cue(start: int, end: int, words: Sequence[CueWord], shape: CueShape) -> Cue:
    lines = [_write_line(line) for line in break_lines(words, shape)]
    return Cue(start, end, tuple(text for text, _ in lines), words[0].speaker, tuple(m for _, m in lines))


def _write_line(words: Sequence[CueWord]) -> tuple[str, tuple[Mark, ...]]:
    text, marks = "", []
    for word in words:
        text += " " if word.has_space and text else ""
        marks.append((len(text), round(word.start * 1000)))
        text += word.text
    return text, tuple(marks)
