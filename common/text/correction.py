"""Makes the transcript that a person has corrected: new text, and the rest as it was. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from common.models import Piece, Segment, Transcript, Word
from common.text.merge import make_monotonic
from common.text.tokens import join
from common.text.turns import follow_words
from common.text.word_times import time_words


@dataclass(frozen=True, slots=True)
class CorrectedSegment:
    """What a person makes of a stretch of the recording; times in seconds.

    Without `words` their times are made of the old ones. `speaker` is a label; None leaves it as it was, and
    an empty text takes it away.
    """

    start: float
    end: float
    text: str
    words: tuple[Word, ...] | None = None
    speaker: str | None = None


def correct(transcript: Transcript, segments: Sequence[CorrectedSegment]) -> Transcript:
    """The transcript with these segments, which are in order; those without text are left out."""
    segments = [segment for segment in segments if segment.text.strip()]
    old = _OldText(transcript)
    has_words = transcript.words is not None or any(segment.words is not None for segment in segments)
    made: list[Segment] = []
    words: list[Word] = []
    for i, segment in enumerate(segments):
        before = old.segment_of(segment.start, segment.end)
        is_unchanged = before is not None and _is_same(segment, before)
        made.append(_segment(i, segment, before, is_unchanged=is_unchanged))
        if has_words:
            words += _words(segment, made[-1], old, is_unchanged=is_unchanged)
    return transcript.model_copy(
        update={
            "text": join(segment.text for segment in made),
            "segments": tuple(made),
            "wordless": follow_words(transcript, made),
            "words": tuple(make_monotonic(words)) if has_words else None,
        }
    )


def correct_pieces(pieces: Sequence[Piece], transcript: Transcript) -> list[Piece]:
    """The pieces with the corrected text of their time, for who watches a job by its pieces."""
    cuts = [piece.start for piece in pieces]
    cuts = [float("-inf"), *cuts[1:], float("inf")] if cuts else []
    return [
        piece.model_copy(update={"transcript": _part(piece.transcript, transcript, start, end)})
        for piece, (start, end) in zip(pieces, pairwise(cuts), strict=True)
    ]


def _part(of_piece: Transcript, whole: Transcript, start: float, end: float) -> Transcript:
    texts = (segment.text for segment in whole.segments if start <= segment.start < end)
    return of_piece.model_copy(update={"text": join(texts)})


class _OldText:
    """The segments and words of a transcript by their time; asked in order, each is looked at about once."""

    def __init__(self, transcript: Transcript) -> None:
        self._segments = transcript.segments
        self._words = transcript.words or ()
        self._segment = self._word = 0

    def segment_of(self, start: float, end: float) -> Segment | None:
        """The segment that shares most of this time, the first of several."""
        found: Segment | None = None
        most = -1.0
        while self._segment < len(self._segments) and self._segments[self._segment].end < start:
            self._segment += 1
        for segment in self._segments[self._segment :]:
            if segment.start > end:
                break
            shared = min(end, segment.end) - max(start, segment.start)
            if shared > most:
                found, most = segment, shared
        return found

    def words_of(self, start: float, end: float) -> list[Word]:
        """The words whose middle lies in this time."""
        found: list[Word] = []
        while self._word < len(self._words):
            word = self._words[self._word]
            middle = (word.start + word.end) / 2
            if middle > end:
                break
            if middle >= start:
                found.append(word)
            self._word += 1
        return found


def _is_same(new: CorrectedSegment, old: Segment) -> bool:
    return (old.start, old.end, old.text.strip()) == (new.start, new.end, new.text.strip())


def _segment(i: int, new: CorrectedSegment, before: Segment | None, *, is_unchanged: bool) -> Segment:
    """What the engine measured stays with text that is unchanged; language and speaker in any case."""
    if before and is_unchanged:
        made = before.model_copy(update={"id": i})
    else:
        language, speaker = (before.language, before.speaker) if before else (None, None)
        text = new.text.strip()
        made = Segment(id=i, start=new.start, end=new.end, text=text, language=language, speaker=speaker)
    return made if new.speaker is None else made.model_copy(update={"speaker": new.speaker or None})


def _words(new: CorrectedSegment, made: Segment, old: _OldText, *, is_unchanged: bool) -> list[Word]:
    recognised = old.words_of(new.start, new.end)
    words: Sequence[Word]
    if new.words is not None:
        words = new.words
    elif is_unchanged and recognised:  # mostly all but one segment: nothing to compare
        words = recognised
    else:
        words = time_words(made.text.strip(), recognised, start=new.start, end=new.end)
    return [
        word if word.speaker == made.speaker else word.model_copy(update={"speaker": made.speaker})
        for word in words
    ]
