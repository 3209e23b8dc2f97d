"""Keeps the speakers of a text when a correction comes that was made of it before it had any. Pure."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable

from common.models import Segment, Transcript
from common.speakers.labels import set_labels, spoken_tokens
from common.text.speakers import has_speakers


def keep_speakers(change: Callable[[Transcript], Transcript], labelled: Transcript) -> Transcript:
    """What `change` makes of the text as it was without speakers; each word then has that of its time.

    One that names speakers itself is made to the text with them, as any other.
    """
    corrected = change(_without_speakers(labelled))
    if has_speakers(corrected) or not has_speakers(labelled):
        return change(labelled)
    turns = _Turns(labelled.segments)
    lines = spoken_tokens(corrected)
    return set_labels(corrected, lines, [turns.speaker_at(token.middle) for line in lines for token in line])


class _Turns:
    """Who speaks when, by segments in order."""

    def __init__(self, segments: tuple[Segment, ...]) -> None:
        self._segments = [segment for segment in segments if segment.speaker]
        self._starts = [segment.start for segment in self._segments]

    def speaker_at(self, seconds: float) -> str:
        """Between two segments, that of the nearer one."""
        at = bisect_right(self._starts, seconds)
        around = self._segments[max(at - 1, 0) : at + 1]
        nearest = min(around, key=lambda segment: max(segment.start - seconds, seconds - segment.end))
        return nearest.speaker or ""


def _without_speakers(transcript: Transcript) -> Transcript:
    segments = tuple(segment.model_copy(update={"speaker": None}) for segment in transcript.segments)
    words = transcript.words and tuple(word.model_copy(update={"speaker": None}) for word in transcript.words)
    return transcript.model_copy(update={"segments": segments, "words": words})
