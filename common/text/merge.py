"""Pieces of a recording put together: one transcript on the whole recording's clock, each word once."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import TypeVar

from common.models import Piece, Segment, Suppressed, Transcript, Word
from common.text.languages import code_of
from common.text.lines import Line, lines
from common.text.overlap import weave
from common.text.tokens import join, normal

_Timed = TypeVar("_Timed", Segment, Word, Suppressed)

_NEAR = 0.5  # seconds; how far around an overlap a line may still have words in it


def merge(given: Sequence[Piece], *, duration: float) -> Transcript:
    """One transcript of `duration` seconds from pieces in any order, repeated or not; pieces may overlap.

    Its text is that of its segments joined; words are each heard once; times never go back.
    """
    pieces = _in_order(given)
    told = _told(pieces, duration)
    segments = _segments(told)
    return Transcript(
        text=join(segment.text for segment in segments),
        language=_language(pieces),
        language_probability=_probability(pieces),
        duration=duration,
        model=next((piece.transcript.model for piece in pieces if piece.transcript.model), None),
        segments=segments if any(piece.transcript.segments for piece in pieces) else (),
        words=_words(told) if any(piece.transcript.words is not None for piece in pieces) else None,
        suppressed=_suppressed(pieces, duration),
        warnings=tuple(dict.fromkeys(w for piece in pieces for w in piece.transcript.warnings)),
    )


def _in_order(given: Iterable[Piece]) -> list[Piece]:
    """Each index once, by start, without those that lie wholly inside another."""
    once = {piece.index: piece for piece in given}.values()
    pieces: list[Piece] = []
    for piece in sorted(once, key=lambda p: (p.start, -_end(p), p.index)):
        if not pieces or _end(piece) > _end(pieces[-1]):
            pieces.append(piece)
    return pieces


def _length(piece: Piece) -> float:
    """In seconds; a piece whose engine told no length is as long as its text."""
    transcript = piece.transcript
    return transcript.duration or max((s.end for s in transcript.segments), default=0.0)


def _end(piece: Piece) -> float:
    return piece.start + _length(piece)


def _told(pieces: Sequence[Piece], duration: float) -> list[Line]:
    told: list[Line] = []
    end = 0.0
    for piece in pieces:
        _append(told, _placed(piece, duration), begin=piece.start, end=end)
        end = _end(piece)
    return told


def _append(told: list[Line], new: Sequence[Line], *, begin: float, end: float) -> None:
    """Add a piece's lines to what is told; only lines near the overlap are looked into."""
    if begin >= end:
        told.extend(new)
        return
    k = next((i for i, line in enumerate(told) if line.segment.end > begin - _NEAR), len(told))
    m = next((i for i, line in enumerate(new) if line.segment.start >= end + _NEAR), len(new))
    told[k:] = weave(told[k:], new[:m], begin=begin, end=end)
    told.extend(new[m:])


def _placed(piece: Piece, duration: float) -> list[Line]:
    """The piece's lines on the recording's clock, none past its own end."""
    limit = min(duration, _end(piece))
    return [
        Line(
            _moved(line.segment, piece.start, limit), tuple(_moved(w, piece.start, limit) for w in line.words)
        )
        for line in lines(piece.transcript)
    ]


def _moved(timed: _Timed, by: float, limit: float) -> _Timed:
    start = min(timed.start + by, limit)
    return _retimed(timed, start, max(start, min(timed.end + by, limit)))


def _retimed(timed: _Timed, start: float, end: float) -> _Timed:
    if (start, end) == (timed.start, timed.end):
        return timed
    return timed.model_copy(update={"start": start, "end": end})


def _rising(timed: Iterable[_Timed]) -> list[_Timed]:
    """None begins before the one before it; one that reaches into the next ends where that begins."""
    risen: list[_Timed] = []
    for each in timed:
        last = risen[-1] if risen else None
        start = max(each.start, last.start) if last else each.start
        if last and last.end > start:
            risen[-1] = _retimed(last, last.start, start)
        risen.append(_retimed(each, start, max(start, each.end)))
    return risen


def _segments(told: Sequence[Line]) -> tuple[Segment, ...]:
    risen = _rising(line.segment for line in told)
    return tuple(s if s.id == i else s.model_copy(update={"id": i}) for i, s in enumerate(risen))


def _words(told: Sequence[Line]) -> tuple[Word, ...]:
    return tuple(_rising(word for line in told for word in line.words))


def _language(pieces: Sequence[Piece]) -> str | None:
    """The one that most of the text is in; without text, most of the time."""
    letters: Counter[str] = Counter()
    seconds: dict[str, float] = defaultdict(float)
    for piece in pieces:
        if language := _language_of(piece):
            letters[language] += len(piece.transcript.text.strip())
            seconds[language] += _length(piece)
    return max(letters, key=lambda code: (letters[code], seconds[code]), default=None)


def _language_of(piece: Piece) -> str | None:
    language = piece.transcript.language
    return language and (code_of(language) or language)


def _probability(pieces: Sequence[Piece]) -> float | None:
    """The mean, by the second, of the pieces that are in the transcript's language and tell."""
    language = _language(pieces)
    known = [
        (piece.transcript.language_probability, _length(piece))
        for piece in pieces
        if piece.transcript.language_probability is not None and _language_of(piece) == language
    ]
    seconds = sum(length for _, length in known)
    if len({probability for probability, _ in known}) < 2 or not seconds:
        return known[0][0] if known else None
    return sum(probability * length for probability, length in known) / seconds


def _suppressed(pieces: Sequence[Piece], duration: float) -> tuple[Suppressed, ...]:
    """All of them in order of time; what both sides of an overlap took out is told once."""
    told: list[Suppressed] = []
    for piece in pieces:
        limit = min(duration, _end(piece))
        new = [_moved(item, piece.start, limit) for item in piece.transcript.suppressed]
        told += [item for item in new if not any(_is_same(item, other) for other in told)]
    return tuple(sorted(told, key=lambda item: item.start))


def _is_same(one: Suppressed, other: Suppressed) -> bool:
    near = one.start < other.end + _NEAR and other.start < one.end + _NEAR
    return near and normal(one.text) == normal(other.text)
