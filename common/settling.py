"""Pieces as they are heard → the text that no later piece can change, told once and in order.

For whoever reads along: a text that was told is never taken back, so the end of a piece is held until the
piece that overlaps it is there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from common.models import Chunk, Segment, Transcript
from common.tokens import glue
from common.transcript import merge

# Seconds before the next piece begins: packets make it begin a little before its cut, and lines near the
# overlap are still looked into.
_HELD = 2.0


class Settling:
    """`starts` are the pieces' places on the recording's clock, in seconds, `duration` the recording's.

    `guard` takes out what nobody said: of each stretch as it settles, since what was told stays told.
    """

    def __init__(
        self, starts: Sequence[float], duration: float, guard: Callable[[Transcript], Transcript]
    ) -> None:
        self._starts = starts
        self._duration = duration
        self._guard = guard
        self._chunks: dict[int, Chunk] = {}
        self._joined = 0  # pieces from the first on that are here without a gap
        self._told = 0  # segments
        self.text = ""

    def heard(self, chunk: Chunk) -> list[str]:
        """What can be told now that this piece is here, a text a segment; all of them joined are `text`."""
        self._chunks[chunk.index] = chunk
        before = self._joined
        while self._joined in self._chunks:
            self._joined += 1
        return self._tell() if self._joined > before else []

    def _tell(self) -> list[str]:
        merged = merge([self._chunks[index] for index in range(self._joined)], duration=self._duration)
        if self._joined == len(self._starts):
            return self._said(merged, len(merged.segments))
        held_from = self._starts[self._joined] - _HELD
        later = (i for i, segment in enumerate(merged.segments) if segment.end > held_from)
        return self._said(merged, next(later, len(merged.segments)))

    def _said(self, merged: Transcript, until: int) -> list[str]:
        stretch = merged.segments[self._told : until]
        is_all = self._told == 0 and self._joined == len(self._starts)
        self._told = max(self._told, until)
        if not (stretch or is_all):
            return []
        transcript = merged if is_all else _part(merged, stretch)
        guarded = self._guard(transcript)
        texts = [segment.text for segment in guarded.segments] or [guarded.text]
        return [new for text in texts if (new := self._add(text))]

    def _add(self, text: str) -> str:
        """The text as it goes on from what was told: with its space, where its script wants one."""
        text = text.rstrip() if self.text else text.strip()
        new = glue(self.text[-1:], text)[len(self.text[-1:]) :] if text else ""
        self.text += new
        return new


def _part(merged: Transcript, stretch: tuple[Segment, ...]) -> Transcript:
    start, end = stretch[0].start, stretch[-1].end
    words = merged.words and tuple(word for word in merged.words if start <= word.start < end)
    return merged.model_copy(update={"segments": stretch, "words": words, "text": "", "suppressed": ()})
