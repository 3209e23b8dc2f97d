"""Pieces as they are heard → the text that no later piece can change, told once and in order.

For whoever reads along: a text that was told is never taken back, so the end of a piece is held until the
piece that overlaps it is there.
"""

from __future__ import annotations

from collections.abc import Sequence

from common.models import Piece, Segment, Transcript
from common.text.merge import merge
from common.text.tokens import glue

# Seconds before the next piece begins: packets make it begin a little before its cut, and lines near the
# overlap are still looked into.
_HELD = 2.0


class IncrementalText:
    """`starts` are the pieces' places on the recording's clock, in seconds, `duration` the recording's.

    Each stretch that `heard` answers goes to `tell`, in that order, without what nobody said.
    """

    def __init__(self, starts: Sequence[float], duration: float) -> None:
        self._starts = starts
        self._duration = duration
        self._pieces: dict[int, Piece] = {}
        self._joined = 0  # pieces from the first on that are here without a gap
        self._settled = 0  # segments
        self.text = ""

    def heard(self, piece: Piece) -> Transcript | None:
        """The stretch that settles now that this piece is here; None if none does."""
        self._pieces[piece.index] = piece
        before = self._joined
        while self._joined in self._pieces:
            self._joined += 1
        return self._stretch() if self._joined > before else None

    def tell(self, stretch: Transcript) -> list[str]:
        """Its texts, one a segment, as they go on from what was told: all of them joined are `text`."""
        texts = [segment.text for segment in stretch.segments] or [stretch.text]
        return [new for text in texts if (new := self._add(text))]

    def _stretch(self) -> Transcript | None:
        pieces = [self._pieces[index] for index in range(self._joined)]
        merged = merge(pieces, duration=self._duration)
        ended = self._joined == len(self._starts)
        if ended and not self._settled:
            return merged
        begun, self._settled = self._settled, max(self._settled, self._until(merged, ended))
        stretch = merged.segments[begun : self._settled]
        return _part(merged, stretch) if stretch else None

    def _until(self, merged: Transcript, ended: bool) -> int:
        if ended:
            return len(merged.segments)
        held_from = self._starts[self._joined] - _HELD
        later = (index for index, segment in enumerate(merged.segments) if segment.end > held_from)
        return next(later, len(merged.segments))

    def _add(self, text: str) -> str:
        """The text with its space before it, where its script wants one."""
        text = text.rstrip() if self.text else text.strip()
        last = self.text[-1:]
        new = glue(last, text)[len(last) :]
        self.text += new
        return new


def _part(merged: Transcript, stretch: tuple[Segment, ...]) -> Transcript:
    start, end = stretch[0].start, stretch[-1].end
    words = merged.words and tuple(word for word in merged.words if start <= word.start < end)
    return merged.model_copy(update={"segments": stretch, "words": words, "text": "", "suppressed": ()})
