"""What speaks for and against a line having been said: the engine's doubts, the loudness, the pace.

What the numbers are worth: large-v3 gives speech a `no_speech_prob` of 0.002 to 0.06, base up to 0.3;
turbo always says 0 (https://github.com/SYSTRAN/faster-whisper/issues/1028), so with turbo the loudness
is the witness that matters.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Literal

from common.models import Segment
from common.text.lines import Line
from common.text.phrases import kind_of
from common.text.tokens import letters

# The loudest moment from one second to another, in dBFS, or None where nobody measured all of it.
Loudness = Callable[[float, float], float | None]

_DIGITAL_SILENCE = -75.0  # dBFS; below it no microphone was on
_SILENCE = -60.0  # dBFS
_QUIET = -45.0  # dBFS
_BESIDE_SPEECH = 20.0  # dB under the loudest line
_PAD = 0.3  # seconds by which an engine's times may miss the speech
_NEEDED = {"credit": 1, "farewell": 2, "filler": 3}  # points of evidence


class Judge:
    """What is known of the whole recording, so as to judge one line of it."""

    def __init__(self, every: Sequence[Line], loudness: Loudness | None) -> None:
        self._said = Counter(letters(line.segment.text) for line in every)
        self._loudness = loudness
        levels = (self._level(line.segment) for line in every)
        self._loudest = max((level for level in levels if level is not None), default=None)

    def suppression_reason(self, segment: Segment) -> Literal["silence", "phrase"] | None:
        """Why nobody can have said this line, or None."""
        if not segment.text.strip():
            return None
        kind = kind_of(segment.text)
        if kind and self._points(segment) >= _NEEDED[kind]:
            return "phrase"
        if self._is_silent(segment) or _is_doubted(segment):
            return "silence"
        wordless = not letters(segment.text)
        return "silence" if wordless and self._points(segment) else None

    def doubt(self, segment: Segment) -> int:
        """How much the loudness of a line that stays so far would matter, from 0 to 3."""
        if not segment.text.strip():
            return 0
        if kind_of(segment.text):
            return 3
        unheard, unsure = _steps(segment.no_speech_prob, 0.1), _steps(_unsure(segment), 0.55)
        return 2 if not letters(segment.text) else int(unheard or unsure or _is_stretched(segment))

    def _points(self, segment: Segment) -> int:
        """How much speaks against the line apart from its wording; 0 is nothing, 2 a lot."""
        unheard = _steps(segment.no_speech_prob, 0.1, 0.5)
        unsure = _steps(_unsure(segment), 0.55, 1.0)
        again = _steps(self._said[letters(segment.text)], 3, 5)
        return unheard + unsure + again + 2 * self._is_quiet(segment) + _is_stretched(segment)

    def _level(self, segment: Segment) -> float | None:
        return self._loudness(segment.start - _PAD, segment.end + _PAD) if self._loudness else None

    def _is_silent(self, segment: Segment) -> bool:
        level = self._level(segment)
        if level is None or self._loudest is None:
            return False
        return level < _DIGITAL_SILENCE or level < min(_SILENCE, self._loudest - _BESIDE_SPEECH)

    def _is_quiet(self, segment: Segment) -> bool:
        level = self._level(segment)
        if level is None or self._loudest is None:
            return False
        return level < min(_QUIET, self._loudest - _BESIDE_SPEECH) or self._loudest < _SILENCE


def _is_doubted(segment: Segment) -> bool:
    """Whether the engine itself says that this is no speech, as Whisper's own rule does but less strictly."""
    unheard, sure = segment.no_speech_prob, segment.avg_logprob
    if unheard is None or sure is None:
        return False
    return any(unheard > least and sure < most for least, most in ((0.9, -0.5), (0.6, -0.8), (0.3, -1.2)))


def _unsure(segment: Segment) -> float | None:
    return None if segment.avg_logprob is None else -segment.avg_logprob


def _is_stretched(segment: Segment) -> bool:
    """Whether the line is far too little text for its time; speech is 10 to 20 letters a second."""
    seconds = segment.end - segment.start
    return seconds >= 4 and len(letters(segment.text)) < 4 * seconds


def _steps(value: float | None, *steps: float) -> int:
    return sum(value is not None and value >= step for step in steps)
