"""Evidence that a line was or was not spoken: the engine's own doubts, the loudness, the pace.

large-v3 gives speech a `no_speech_prob` of 0.002 to 0.06, base up to 0.3. Turbo always gives 0
(https://github.com/SYSTRAN/faster-whisper/issues/1028), so with turbo the loudness is what decides.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Literal

from common.models import Segment
from common.text.lines import Line
from common.text.phrases import kind_of
from common.text.tokens import letters

# The loudest level between two seconds, in dBFS; None unless all between them was measured.
Loudness = Callable[[float, float], float | None]

_DIGITAL_SILENCE = -75.0  # dBFS; every microphone is louder
_SILENCE = -60.0  # dBFS
_QUIET = -45.0  # dBFS
_BESIDE_SPEECH = 20.0  # dB under the loudest line
_PAD = 0.3  # seconds, the error of an engine's times
_POINTS_NEEDED = {"credit": 1, "farewell": 2, "filler": 3}  # points of evidence


class SpeechEvidence:
    """Judges single lines by what is known of the whole recording."""

    def __init__(self, lines: Sequence[Line], loudness: Loudness | None) -> None:
        self._occurrences = Counter(letters(line.segment.text) for line in lines)
        self._loudness = loudness
        levels = (self._level(line.segment) for line in lines)
        self._loudest = max((level for level in levels if level is not None), default=None)

    def suppression_reason(self, segment: Segment) -> Literal["silence", "phrase"] | None:
        """Why this line is a hallucination; None if it is kept."""
        if not segment.text.strip():
            return None
        kind = kind_of(segment.text)
        if kind and self._points(segment) >= _POINTS_NEEDED[kind]:
            return "phrase"
        if self._is_silent(segment) or _is_doubted(segment):
            return "silence"
        has_words = bool(letters(segment.text))
        return "silence" if not has_words and self._points(segment) else None

    def doubt(self, segment: Segment) -> int:
        """How much the loudness would matter for a line that is kept so far, from 0 to 3."""
        if not segment.text.strip():
            return 0
        if kind_of(segment.text):
            return 3
        if not letters(segment.text):
            return 2
        no_speech, uncertain = _steps(segment.no_speech_prob, 0.1), _steps(_uncertainty(segment), 0.55)
        return int(bool(no_speech or uncertain or _is_too_slow(segment)))

    def _points(self, segment: Segment) -> int:
        """The evidence against the line, apart from its wording; 0 is none, 2 is much."""
        no_speech = _steps(segment.no_speech_prob, 0.1, 0.5)
        uncertain = _steps(_uncertainty(segment), 0.55, 1.0)
        repeated = _steps(self._occurrences[letters(segment.text)], 3, 5)
        return no_speech + uncertain + repeated + 2 * self._is_quiet(segment) + _is_too_slow(segment)

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
    """Whether the engine itself considers this no speech; like Whisper's own rule, but less strict."""
    no_speech, logprob = segment.no_speech_prob, segment.avg_logprob
    if no_speech is None or logprob is None:
        return False
    limits = ((0.9, -0.5), (0.6, -0.8), (0.3, -1.2))
    return any(no_speech > least and logprob < most for least, most in limits)


def _uncertainty(segment: Segment) -> float | None:
    return None if segment.avg_logprob is None else -segment.avg_logprob


def _is_too_slow(segment: Segment) -> bool:
    """Whether the line has far too little text for its time; speech is 10 to 20 letters a second."""
    seconds = segment.end - segment.start
    return seconds >= 4 and len(letters(segment.text)) < 4 * seconds


def _steps(value: float | None, *steps: float) -> int:
    """How many of the steps the value reaches."""
    return sum(value is not None and value >= step for step in steps)
