"""Merges the pieces of a recording: one transcript on the recording's clock, each word once."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import TypeVar

from common.models import Piece, Segment, Suppressed, Transcript, TranscriptWarning, Word
from common.text.languages import code_of
from common.text.lines import Line, lines_of
from common.text.overlap import merge_overlap
from common.text.spoken_languages import letters_by_language
from common.text.tokens import join, normalise

_Timed = TypeVar("_Timed", Segment, Word, Suppressed)

_NEAR = 0.5  # seconds; a line this close to an overlap may have words in it


def merge(pieces: Iterable[Piece], *, duration: float) -> Transcript:
    """One transcript of `duration` seconds; pieces may overlap, be repeated and come in any order.

    Its text is that of its segments joined; it has each word once, and its times never decrease.
    """
    pieces = _sort(pieces)
    lines = _merge_lines(pieces, duration)
    segments = _segments(lines)
    return Transcript(
        text=join(segment.text for segment in segments),
        language=_language(pieces),
        language_probability=_probability(pieces),
        duration=duration,
        model=next((piece.transcript.model for piece in pieces if piece.transcript.model), None),
        segments=segments if any(piece.transcript.segments for piece in pieces) else (),
        words=_words(lines) if any(piece.transcript.words is not None for piece in pieces) else None,
        suppressed=_suppressed(pieces, duration),
        warnings=_warnings(pieces),
    )


def _warnings(pieces: Iterable[Piece]) -> tuple[TranscriptWarning, ...]:
    """Each warning once."""
    warnings: list[TranscriptWarning] = []
    for piece in pieces:
        warnings += [warning for warning in piece.transcript.warnings if warning not in warnings]
    return tuple(warnings)


def _sort(pieces: Iterable[Piece]) -> list[Piece]:
    """By start, each index once, without a piece that lies wholly inside another."""
    unique = {piece.index: piece for piece in pieces}.values()
    ordered: list[Piece] = []
    for piece in sorted(unique, key=lambda p: (p.start, -_end(p), p.index)):
        if not ordered or _end(piece) > _end(ordered[-1]):
            ordered.append(piece)
    return ordered


def _length(piece: Piece) -> float:
    """In seconds; without a duration, a piece ends with its last segment."""
    transcript = piece.transcript
    return transcript.duration or max((s.end for s in transcript.segments), default=0.0)


def _end(piece: Piece) -> float:
    return piece.start + _length(piece)


def _merge_lines(pieces: Sequence[Piece], duration: float) -> list[Line]:
    lines: list[Line] = []
    end = 0.0
    for piece in pieces:
        _append(lines, _shift_lines(piece, duration), begin=piece.start, end=end)
        end = _end(piece)
    return lines


def _append(lines: list[Line], new: Sequence[Line], *, begin: float, end: float) -> None:
    """Append a piece's lines; only lines near the overlap, `begin` to `end`, are compared."""
    if begin >= end:
        lines.extend(new)
        return
    k = next((i for i, line in enumerate(lines) if line.segment.end > begin - _NEAR), len(lines))
    m = next((i for i, line in enumerate(new) if line.segment.start >= end + _NEAR), len(new))
    lines[k:] = merge_overlap(lines[k:], new[:m], begin=begin, end=end)
    lines.extend(new[m:])


def _shift_lines(piece: Piece, duration: float) -> list[Line]:
    """The piece's lines on the recording's clock, none past the piece's end, each with its language."""
    limit, language = min(duration, _end(piece)), _language_of(piece)
    return [
        Line(
            _set_language(_shift(line.segment, piece.start, limit), language),
            tuple(_shift(w, piece.start, limit) for w in line.words),
        )
        for line in lines_of(piece.transcript)
    ]


def _set_language(segment: Segment, language: str | None) -> Segment:
    """An engine that does not tell the language of each segment tells that of the piece."""
    if segment.language or not language:
        return segment
    return segment.model_copy(update={"language": language})


def _shift(timed: _Timed, by: float, limit: float) -> _Timed:
    start = min(timed.start + by, limit)
    return _set_times(timed, start, max(start, min(timed.end + by, limit)))


def _set_times(timed: _Timed, start: float, end: float) -> _Timed:
    if (start, end) == (timed.start, timed.end):
        return timed
    return timed.model_copy(update={"start": start, "end": end})


def make_monotonic(items: Iterable[_Timed]) -> list[_Timed]:
    """No item starts before the previous one; an item that overlaps the next ends where that starts."""
    monotonic: list[_Timed] = []
    for item in items:
        last = monotonic[-1] if monotonic else None
        start = max(item.start, last.start) if last else item.start
        if last and last.end > start:
            monotonic[-1] = _set_times(last, last.start, start)
        monotonic.append(_set_times(item, start, max(start, item.end)))
    return monotonic


def _segments(lines: Sequence[Line]) -> tuple[Segment, ...]:
    segments = make_monotonic(line.segment for line in lines)
    return tuple(s if s.id == i else s.model_copy(update={"id": i}) for i, s in enumerate(segments))


def _words(lines: Sequence[Line]) -> tuple[Word, ...]:
    return tuple(make_monotonic(word for line in lines for word in line.words))


def _language(pieces: Sequence[Piece]) -> str | None:
    """The language of most of the text; without text, of most of the time."""
    letters: Counter[str] = Counter()
    seconds: dict[str, float] = defaultdict(float)
    for piece in pieces:
        if language := _language_of(piece):
            by_segment = letters_by_language(piece.transcript.segments)
            letters.update(by_segment or {language: len(piece.transcript.text.strip())})
            seconds[language] += _length(piece)
    return max(letters, key=lambda code: (letters[code], seconds[code]), default=None)


def _language_of(piece: Piece) -> str | None:
    language = piece.transcript.language
    return language and (code_of(language) or language)


def _probability(pieces: Sequence[Piece]) -> float | None:
    """The mean of the pieces in the transcript's language that have one, weighted by their seconds."""
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
    """In order of time; what both sides of an overlap suppressed, once."""
    suppressed: list[Suppressed] = []
    for piece in pieces:
        limit = min(duration, _end(piece))
        new = [_shift(item, piece.start, limit) for item in piece.transcript.suppressed]
        suppressed += [item for item in new if not any(_is_same(item, other) for other in suppressed)]
    return tuple(sorted(suppressed, key=lambda item: item.start))


def _is_same(a: Suppressed, b: Suppressed) -> bool:
    is_near = a.start < b.end + _NEAR and b.start < a.end + _NEAR
    return is_near and normalise(a.text) == normalise(b.text)
