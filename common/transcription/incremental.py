"""Text while the transcription runs: the part that no later piece can change, in order and each part once.

For clients that show text as it comes: what was sent is never taken back. So the end of a piece is withheld
until the piece that overlaps it is transcribed.
"""

from __future__ import annotations

from collections.abc import Sequence

from common.models import Piece, Segment, Transcript
from common.text.merge import merge
from common.text.tokens import concatenate

# Seconds before the next piece starts. A piece may start a little before its cut, since a packet cannot be
# divided, and merging compares lines a little beyond the overlap.
_WITHHELD = 2.0

_SHORTEST_PART = 25.0  # seconds; about one of Whisper's windows


class IncrementalText:
    """`starts` are those of the pieces on the recording's clock, `duration` is the recording's; in seconds.

    Pass every part that `add_piece` returns to `append`, in the same order, without its hallucinations.
    """

    def __init__(self, starts: Sequence[float], duration: float) -> None:
        self._starts = starts
        self._duration = duration
        self._pieces: dict[int, Piece] = {}
        self._next_index = 0  # of the first piece that is missing
        self._final_segments = 0
        self.text = ""

    def add_piece(self, piece: Piece) -> Transcript | None:
        """The part of the transcript that becomes final with this piece; None if none does."""
        self._pieces[piece.index] = piece
        before = self._next_index
        while self._next_index in self._pieces:
            self._next_index += 1
        return self._next_part() if self._next_index > before else None

    def add_segments(self, segments: Sequence[Segment]) -> Transcript | None:
        """The same for what is transcribed so far of a recording that is one piece; None if it is too little.

        Hallucinations are found in a part by itself, so it must not be a single line.
        """
        new = tuple(segments[self._final_segments :])
        if len(self._starts) > 1 or not new or new[-1].end - new[0].start < _SHORTEST_PART:
            return None
        self._final_segments = len(segments)
        return Transcript(text="", duration=self._duration, segments=new)

    def append(self, part: Transcript) -> list[str]:
        """The text of each segment of the part, as it continues `text`, to which it is added."""
        texts = [segment.text for segment in part.segments] or [part.text]
        return [delta for text in texts if (delta := self._append(text))]

    def _next_part(self) -> Transcript | None:
        pieces = [self._pieces[index] for index in range(self._next_index)]
        merged = merge(pieces, duration=self._duration)
        is_complete = self._next_index == len(self._starts)
        if is_complete and not self._final_segments:
            return merged
        start, end = self._final_segments, self._count_final(merged, is_complete)
        self._final_segments = max(start, end)
        segments = merged.segments[start : self._final_segments]
        return _part(merged, segments) if segments else None

    def _count_final(self, merged: Transcript, is_complete: bool) -> int:
        if is_complete:
            return len(merged.segments)
        limit = self._starts[self._next_index] - _WITHHELD
        later = (index for index, segment in enumerate(merged.segments) if segment.end > limit)
        return next(later, len(merged.segments))

    def _append(self, text: str) -> str:
        """The text, with a space before it where its script separates words."""
        text = text.rstrip() if self.text else text.strip()
        last = self.text[-1:]
        delta = concatenate(last, text)[len(last) :]
        self.text += delta
        return delta


def _part(merged: Transcript, segments: tuple[Segment, ...]) -> Transcript:
    start, end = segments[0].start, segments[-1].end
    words = merged.words and tuple(word for word in merged.words if start <= word.start < end)
    return merged.model_copy(update={"segments": segments, "words": words, "text": "", "suppressed": ()})
