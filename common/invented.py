"""Text that nobody said, taken out: lines over silence, phrases from other people's videos, loops.

Never for its wording alone: a phrase goes only where the engine's own doubts, the loudness or the
pace agree that nobody spoke. What goes stays readable in `Transcript.suppressed`.

What the numbers are worth: large-v3 gives speech a `no_speech_prob` of 0.002 to 0.06, base up to 0.3;
turbo always says 0 (https://github.com/SYSTRAN/faster-whisper/issues/1028), so with turbo the loudness
is the witness that matters.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Literal

from common.lines import Line, Token, lines, tokens
from common.loops import find_loops
from common.models import Segment, Suppressed, Transcript
from common.phrases import kind_of
from common.tokens import join, letters

# The loudest moment from one second to another, in dBFS, or None where nobody measured.
Loudness = Callable[[float, float], float | None]

_DIGITAL_SILENCE = -75.0  # dBFS; below it no microphone was on
_SILENCE = -60.0  # dBFS
_QUIET = -45.0  # dBFS
_BESIDE_SPEECH = 20.0  # dB under the loudest moment
_PAD = 0.3  # seconds by which an engine's times may miss the speech
_COMPRESSED = 2.4  # Whisper's own threshold for text that repeats itself
_FASTEST = 35.0  # letters a second
_NEEDED = {"credit": 1, "farewell": 2, "filler": 3}  # points of evidence


def levels_by_time(levels: Sequence[float], *, step: float) -> Loudness:
    """The loudness where `levels[i]` is the dBFS of the `step` seconds from `i * step`."""

    def loudest(start: float, end: float) -> float | None:
        first = max(0, int(start / step))
        return max(levels[first : max(first + 1, int(end / step) + 1)], default=None)

    return loudest


def without_invented(transcript: Transcript, *, loudness: Loudness | None = None) -> Transcript:
    """The transcript with only what was said; what was taken out is in its `suppressed`, with the reason.

    `loudness` is on the transcript's clock. Harmless when repeated.
    """
    every = lines(transcript)
    judge = _Judge(every, loudness, transcript.duration)
    verdicts = [judge.verdict(line.segment) for line in every]
    said = [line for line, reason in zip(every, verdicts, strict=True) if not reason]
    out = [_suppressed(line.segment, reason) for line, reason in zip(every, verdicts, strict=True) if reason]
    kept, looped = _unlooped(said)
    return _rebuilt(transcript, kept, [*out, *looped]) if out or looped else transcript


# ── one line ──────────────────────────────────────────────────────────────────────────────────────


class _Judge:
    """What is known of the whole recording, so as to judge one line of it."""

    def __init__(self, every: Sequence[Line], loudness: Loudness | None, duration: float) -> None:
        self._said = Counter(letters(line.segment.text) for line in every)
        self._loudness = loudness
        self._loudest = loudness(0.0, duration) if loudness else None

    def verdict(self, segment: Segment) -> Literal["silence", "phrase"] | None:
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

    def _points(self, segment: Segment) -> int:
        """How much speaks against the line apart from its wording; 0 is nothing, 2 a lot."""
        unheard = _steps(segment.no_speech_prob, 0.1, 0.5)
        unsure = _steps(segment.avg_logprob and -segment.avg_logprob, 0.55, 1.0)
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


def _is_stretched(segment: Segment) -> bool:
    """Whether the line is far too little text for its time; speech is 10 to 20 letters a second."""
    seconds = segment.end - segment.start
    return seconds >= 4 and len(letters(segment.text)) < 4 * seconds


def _steps(value: float | None, *steps: float) -> int:
    return sum(value is not None and value >= step for step in steps)


def _suppressed(segment: Segment, reason: Literal["silence", "phrase"]) -> Suppressed:
    return Suppressed(start=segment.start, end=segment.end, text=segment.text.strip(), reason=reason)


# ── the same words again and again ────────────────────────────────────────────────────────────────


@dataclass(slots=True)
class _Said:
    """One word of one line, and whether it stays."""

    line: int
    token: Token
    stays: bool = True


def _unlooped(every: Sequence[Line]) -> tuple[list[Line], list[Suppressed]]:
    """The lines with each loop said once, and what was taken out of them."""
    said = [_Said(i, token) for i, line in enumerate(every) for token in tokens(line)]

    def suspect(start: int, end: int) -> bool:
        looping = (every[i].segment for i in {word.line for word in said[start:end]})
        return any((segment.compression_ratio or 0) > _COMPRESSED for segment in looping) or _is_rushed(
            [word.token for word in said[start:end]]
        )

    out: list[Suppressed] = []
    for loop in find_loops([word.token.norm for word in said], suspect=suspect):
        again = said[loop.start + loop.unit : loop.end]
        for word in again:
            word.stays = False
        out.append(_repetition([word.token for word in again]))
    return (list(_without(every, said)), out) if out else (list(every), [])


def _is_rushed(words: Sequence[Token]) -> bool:
    """Whether nobody can speak so fast; a stuck decoder often gives its words no time at all."""
    seconds = max(word.end for word in words) - min(word.start for word in words)
    return sum(len(word.norm) for word in words) > _FASTEST * seconds


def _repetition(words: Sequence[Token]) -> Suppressed:
    start, end = words[0].start, max(word.end for word in words)
    return Suppressed(start=start, end=max(start, end), text=join(w.text for w in words), reason="repetition")


def _without(every: Sequence[Line], said: Sequence[_Said]) -> Iterator[Line]:
    spoken = {i: list(words) for i, words in groupby(said, key=lambda word: word.line)}
    for i, line in enumerate(every):
        kept = [word.token for word in spoken.get(i, []) if word.stays]
        if len(kept) == len(spoken.get(i, [])):
            yield line
        elif kept:
            yield _shortened(line, kept, [word.stays for word in spoken[i]])


def _shortened(line: Line, kept: Sequence[Token], stays: Sequence[bool]) -> Line:
    text = join(token.text for token in kept)
    start = line.segment.start if stays[0] else kept[0].start
    end = line.segment.end if stays[-1] else kept[-1].end
    update = {
        "text": f" {text}" if line.segment.text[:1].isspace() else text,
        "start": start,
        "end": max(start, end),
        "compression_ratio": None,  # it spoke of the text as it was
    }
    segment = line.segment.model_copy(update=update)
    return Line(segment, tuple(word for token in kept for word in token.words))


# ── together again ────────────────────────────────────────────────────────────────────────────────


def _rebuilt(transcript: Transcript, kept: Sequence[Line], out: Sequence[Suppressed]) -> Transcript:
    segments = [line.segment.model_copy(update={"id": i}) for i, line in enumerate(kept)]
    return transcript.model_copy(
        update={
            "text": join(segment.text for segment in segments),
            "segments": tuple(segments) if transcript.segments else (),
            "words": None if transcript.words is None else tuple(w for line in kept for w in line.words),
            "suppressed": tuple(sorted((*transcript.suppressed, *out), key=lambda item: item.start)),
        }
    )
