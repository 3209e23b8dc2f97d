"""The text of a recording that still runs, piece by piece: what no later piece can change, and the rest.

Each piece overlaps the one before; common/text/merge.py decides which has a word right.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile

from common.models import Piece, Segment, Transcript
from common.text.lines import Token, lines_of, tokens_of
from common.text.merge import merge
from common.text.tokens import join

# Seconds before the next piece starts: a cut is not exact, and merging compares words a little beyond it.
_WITHHELD = 1.0


@dataclass(frozen=True, slots=True)
class RunningText:
    """`text` is final; `rest` is what the next piece may still change, to be passed with it."""

    text: str
    rest: Piece


def advance(rest: Piece | None, piece: Piece, *, next_start: float | None) -> RunningText:
    """What a piece adds to the text. `next_start` is where the next one starts; None after the last.

    In seconds of the recording's clock.
    """
    end = max(_end(one) for one in (rest, piece) if one)
    pieces = [piece] if rest is None else [rest, piece.model_copy(update={"index": rest.index + 1})]
    merged = merge(pieces, duration=end)
    tokens = [token for line in lines_of(merged) for token in tokens_of(line)]
    limit = math.inf if next_start is None else max(next_start - _WITHHELD, 0.0)
    final = list(takewhile(lambda token: token.end <= limit, tokens))
    others = tokens[len(final) :]
    start = min([end, limit, *(token.start for token in others)])
    language = merged.language
    return RunningText(join(token.text for token in final), make_piece(others, start, end, language))


def make_piece(tokens: Sequence[Token], start: float, end: float, language: str | None) -> Piece:
    """The tokens, timed on the recording's clock, as one line of a piece that covers `start` to `end`."""
    words = tuple(
        word.model_copy(update={"start": max(word.start - start, 0.0), "end": max(word.end - start, 0.0)})
        for token in tokens
        for word in token.words
    )
    text = join(token.text for token in tokens)
    segments: tuple[Segment, ...] = ()
    if tokens:
        first, last = tokens[0].start - start, tokens[-1].end - start
        segments = (Segment(id=0, start=max(first, 0.0), end=max(last, 0.0), text=text, language=language),)
    transcript = Transcript(
        text=text, language=language, duration=max(end - start, 0.0), segments=segments, words=words
    )
    return Piece(index=0, start=start, transcript=transcript)


def _end(piece: Piece) -> float:
    return piece.start + piece.transcript.duration
