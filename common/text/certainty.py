"""Chooses between transcripts of one sound in different languages, by how certain the engine is. Pure.

With a wrong language, Whisper translates or guesses, and is less certain of what it writes.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate

from common.models import Segment, Transcript, Word
from common.text.spoken_languages import languages_of
from common.text.tokens import join

_STEP = 1.0  # seconds; each is from one transcript
_CHANGE = 3.0  # what a change of transcript costs, in log probability times seconds
_SILENT = -1.0  # the certainty where a transcript has no text: poor, since another one may have some


def certainty(transcript: Transcript) -> float:
    """The mean log probability over the seconds with text; -inf where nothing tells it."""
    known = [s for s in transcript.segments if s.avg_logprob is not None and s.text.strip()]
    seconds = sum(s.end - s.start for s in known)
    if not seconds:
        return -float("inf")
    return sum((s.avg_logprob or 0.0) * (s.end - s.start) for s in known) / seconds


def weave(transcripts: Sequence[Transcript]) -> Transcript:
    """One transcript of those of the same sound: each stretch from the one that is most certain there.

    Each of its segments has its language.
    """
    first = transcripts[0]
    path = _best_path([_certainties(each, first.duration) for each in transcripts])
    segments = [
        segment.model_copy(update={"language": transcript.language})
        for number, transcript in enumerate(transcripts)
        for segment in transcript.segments
        if _at(path, (segment.start + segment.end) / 2) == number
    ]
    ordered = sorted(segments, key=lambda segment: segment.start)
    woven = first.model_copy(
        update={
            "text": join(segment.text for segment in ordered),
            "segments": tuple(s.model_copy(update={"id": i}) for i, s in enumerate(ordered)),
            "words": _words(transcripts, ordered),
        }
    )
    return woven.model_copy(update={"language": next(iter(languages_of(woven)), first.language)})


def _certainties(transcript: Transcript, duration: float) -> list[float]:
    steps = [_SILENT] * max(1, round(duration / _STEP))
    for segment in transcript.segments:
        if segment.avg_logprob is not None and segment.text.strip():
            for step in range(int(segment.start / _STEP), min(len(steps), int(segment.end / _STEP) + 1)):
                steps[step] = segment.avg_logprob
    return steps


def _best_path(certainties: Sequence[Sequence[float]]) -> list[int]:
    """For each step the transcript to take, so that certainty is highest with few changes (Viterbi 1967)."""
    scores = [0.0] * len(certainties)
    origins: list[list[int]] = []
    for step in zip(*certainties, strict=True):
        best = max(range(len(scores)), key=scores.__getitem__)
        origin = [best if scores[best] - _CHANGE > score else i for i, score in enumerate(scores)]
        scores = [max(score, scores[best] - _CHANGE) + gain for score, gain in zip(scores, step, strict=True)]
        origins.append(origin)
    path = [max(range(len(scores)), key=scores.__getitem__)]
    for origin in reversed(origins[1:]):
        path.append(origin[path[-1]])
    return path[::-1]


def _at(path: Sequence[int], seconds: float) -> int:
    return path[min(len(path) - 1, max(0, int(seconds / _STEP)))]


def _words(transcripts: Sequence[Transcript], segments: Sequence[Segment]) -> tuple[Word, ...] | None:
    """The words of the segments that were taken."""
    if transcripts[0].words is None:
        return None
    starts = [segment.start for segment in segments]
    ends = list(accumulate((segment.end for segment in segments), max))
    words = []
    for transcript in transcripts:
        for word in transcript.words or ():
            index = bisect_right(starts, (word.start + word.end) / 2) - 1
            if index >= 0 and word.start < ends[index] and segments[index].language == transcript.language:
                words.append(word)
    return tuple(sorted(words, key=lambda word: word.start))
