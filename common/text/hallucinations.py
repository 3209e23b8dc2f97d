"""Removes hallucinations: lines over silence, phrases from the videos Whisper was trained on, loops.

No line is removed for its wording alone: speech_evidence.py must find other evidence. What is removed stays
readable in `Transcript.suppressed`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, groupby
from typing import Literal

from common.models import Segment, Suppressed, Transcript
from common.text.lines import Line, Token, lines_of, tokens_of
from common.text.loops import find_loops
from common.text.speech_evidence import Loudness, SpeechEvidence
from common.text.tokens import join, letters

_COMPRESSED = 2.4  # Whisper's own threshold for text that repeats itself
_FASTEST = 35.0  # letters a second
_ISOLATED = 3.0  # seconds of pause on either side
_LONGEST_REFERENCE = 15.0  # seconds of speech to compare the doubtful lines with


def spans_to_measure(transcript: Transcript) -> list[tuple[float, float]]:
    """The lines in doubt (start and end in seconds) whose loudness would decide, the most doubtful first.

    Before them comes a line without doubt as a reference. Empty where no line is in doubt.
    """
    lines = lines_of(transcript)
    evidence = SpeechEvidence(lines, None)
    kept = {i: line.segment for i, line in enumerate(lines) if not evidence.suppression_reason(line.segment)}
    isolated = set(_isolated(lines))
    doubts = {i: evidence.doubt(segment) or int(i in isolated) for i, segment in kept.items()}
    doubtful = sorted((i for i in kept if doubts[i]), key=lambda i: -doubts[i])
    certain = [segment for i, segment in kept.items() if not doubts[i]]
    return [*_reference(certain), *((kept[i].start, kept[i].end) for i in doubtful)] if doubtful else []


def remove_hallucinations(transcript: Transcript, *, loudness: Loudness | None = None) -> Transcript:
    """The transcript without hallucinations; `suppressed` has each that was removed, with the reason.

    `loudness` is on the transcript's clock. Idempotent.
    """
    lines = lines_of(transcript)
    evidence = SpeechEvidence(lines, loudness)
    reasons = [evidence.suppression_reason(line.segment) for line in lines]
    spoken = [line for line, reason in zip(lines, reasons, strict=True) if not reason]
    removed = [
        _suppressed(line.segment, reason) for line, reason in zip(lines, reasons, strict=True) if reason
    ]
    kept, repetitions = _remove_loops(spoken)
    return _rebuild(transcript, kept, [*removed, *repetitions]) if removed or repetitions else transcript


def _reference(segments: Iterable[Segment]) -> list[tuple[float, float]]:
    """The line with the most letters, of those that are not too long; empty if there is none."""
    short = [segment for segment in segments if segment.end - segment.start <= _LONGEST_REFERENCE]
    longest = max(short, key=lambda segment: len(letters(segment.text)), default=None)
    return [(longest.start, longest.end)] if longest else []


def _isolated(lines: Sequence[Line]) -> Iterator[int]:
    """Lines with a long pause on either side: engines invent lines in the middle of silence."""
    starts = [line.segment.start for line in lines]
    ends = list(accumulate((line.segment.end for line in lines), max))
    for i, line in enumerate(lines):
        pause_before = i == 0 or line.segment.start - ends[i - 1] >= _ISOLATED
        pause_after = i == len(lines) - 1 or starts[i + 1] - line.segment.end >= _ISOLATED
        if pause_before and pause_after and len(lines) > 1:
            yield i


def _suppressed(segment: Segment, reason: Literal["silence", "phrase"]) -> Suppressed:
    return Suppressed(start=segment.start, end=segment.end, text=segment.text.strip(), reason=reason)


# ── the same words again and again ────────────────────────────────────────────────────────────────


@dataclass(slots=True)
class _LineWord:
    """One word of the line with index `line`."""

    line: int
    token: Token
    is_kept: bool = True


def _remove_loops(lines: Sequence[Line]) -> tuple[list[Line], list[Suppressed]]:
    """The lines with only the first round of each loop, and the rounds that were removed."""
    words = [_LineWord(i, token) for i, line in enumerate(lines) for token in tokens_of(line)]

    def is_suspicious(start: int, end: int) -> bool:
        segments = (lines[i].segment for i in {word.line for word in words[start:end]})
        is_compressed = any((segment.compression_ratio or 0) > _COMPRESSED for segment in segments)
        return is_compressed or _is_too_fast([word.token for word in words[start:end]])

    removed: list[Suppressed] = []
    for loop in find_loops([word.token.norm for word in words], is_suspicious=is_suspicious):
        rounds = words[loop.start + loop.unit : loop.end]
        for word in rounds:
            word.is_kept = False
        removed.append(_repetition([word.token for word in rounds]))
    return (list(_keep_words(lines, words)), removed) if removed else (list(lines), [])


def _is_too_fast(words: Sequence[Token]) -> bool:
    """Whether nobody can speak so fast; a decoder that is stuck often gives its words no time at all."""
    seconds = max(word.end for word in words) - min(word.start for word in words)
    return sum(len(word.norm) for word in words) > _FASTEST * seconds


def _repetition(words: Sequence[Token]) -> Suppressed:
    start, end = words[0].start, max(word.end for word in words)
    return Suppressed(start=start, end=max(start, end), text=join(w.text for w in words), reason="repetition")


def _keep_words(lines: Sequence[Line], words: Sequence[_LineWord]) -> Iterator[Line]:
    by_line = {i: list(group) for i, group in groupby(words, key=lambda word: word.line)}
    for i, line in enumerate(lines):
        kept = [word.token for word in by_line.get(i, []) if word.is_kept]
        if len(kept) == len(by_line.get(i, [])):
            yield line
        elif kept:
            yield _shorten(line, by_line[i])


def _shorten(line: Line, words: Sequence[_LineWord]) -> Line:
    kept = [word.token for word in words if word.is_kept]
    text = join(token.text for token in kept)
    start = line.segment.start if words[0].is_kept else kept[0].start
    end = line.segment.end if words[-1].is_kept else kept[-1].end
    update = {
        "text": f" {text}" if line.segment.text[:1].isspace() else text,
        "start": start,
        "end": max(start, end),
        "compression_ratio": None,  # it was that of the whole text
    }
    segment = line.segment.model_copy(update=update)
    return Line(segment, tuple(word for token in kept for word in token.words))


# ── the result ────────────────────────────────────────────────────────────────────────────────────


def _rebuild(transcript: Transcript, kept: Sequence[Line], removed: Sequence[Suppressed]) -> Transcript:
    segments = [line.segment.model_copy(update={"id": i}) for i, line in enumerate(kept)]
    return transcript.model_copy(
        update={
            "text": join(segment.text for segment in segments),
            "segments": tuple(segments) if transcript.segments else (),
            "words": None if transcript.words is None else tuple(w for line in kept for w in line.words),
            "suppressed": tuple(sorted((*transcript.suppressed, *removed), key=lambda item: item.start)),
        }
    )
