"""Merges the overlap of two pieces: aligns their words, and takes each word from one piece.

Near a piece's edge the engine gets half words and guesses. So of two versions of a word, the one that is
farther from its piece's edge is taken; a word that only one piece has is kept. Compare ROVER, Fiscus 1997.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from heapq import merge as merge_sorted

from common.models import Segment
from common.text.alignment import Pair, align
from common.text.lines import Line
from common.text.overlap_words import OverlapWord, overlap_words
from common.text.tokens import join

_EDGE = 0.2  # seconds; a word this close to a cut may be half a word
_BESIDE = 0.1  # seconds; a cut word this close to another is the same word
_ESTIMATE = 1.0  # seconds; estimated times this close may be the same moment
_SAME_GAP = 0.5  # seconds; between two shared words, different words this close are versions of one


def merge_overlap(left: Sequence[Line], right: Sequence[Line], *, begin: float, end: float) -> list[Line]:
    """The lines of both, each word once; `right` starts at `begin`, `left` ends at `end` (seconds)."""
    lines = [*left, *right]
    words = overlap_words(lines, len(left), begin=begin, end=end)
    a, b = [word for word in words if not word.side], [word for word in words if word.side]
    pairs = align([word.token for word in a], [word.token for word in b], begin=begin, end=end)
    links = {frozenset((a[i].line, b[j].line)) for i, j in pairs}
    return [_make_line(group, lines) for group in _group_by_line(_choose_words(a, b, pairs), links)]


# ── which words are taken ─────────────────────────────────────────────────────────────────────────


def _choose_words(
    a: Sequence[OverlapWord], b: Sequence[OverlapWord], pairs: Sequence[Pair]
) -> Iterator[OverlapWord]:
    """Every word once, in order."""
    i = j = 0
    for ends in (*pairs, (len(a), len(b))):
        is_closed = bool(i) and ends != (len(a), len(b))
        yield from _choose_in_gap(a[i : ends[0]], b[j : ends[1]], is_closed=is_closed)
        i, j = ends[0] + 1, ends[1] + 1
        if i <= len(a) and j <= len(b):
            yield max(a[ends[0]], b[ends[1]], key=lambda word: word.depth)


def _choose_in_gap(
    a: Sequence[OverlapWord], b: Sequence[OverlapWord], *, is_closed: bool
) -> Iterable[OverlapWord]:
    """The words of a gap between shared words: all, but of two that contradict each other only the deeper.

    A gap is closed when it has a shared word on either side.
    """
    if not a or not b:
        return a or b
    kept: tuple[list[OverlapWord], list[OverlapWord]] = ([], [])
    for word in sorted((*a, *b), key=lambda word: -word.depth):
        if not any(_contradict(word, other, is_closed=is_closed) for other in kept[1 - word.side]):
            kept[word.side].append(word)
    sides = (sorted(side, key=lambda word: word.place) for side in kept)
    return merge_sorted(*sides, key=lambda word: word.token.middle)


def _contradict(a: OverlapWord, b: OverlapWord, *, is_closed: bool) -> bool:
    """Whether both are versions of the same moment, so that only one can be right."""
    is_estimated = a.token.slack or b.token.slack
    if is_estimated and is_closed:
        return True
    distance = max(a.token.start, b.token.start) - min(a.token.end, b.token.end)
    if is_estimated:
        return distance < _ESTIMATE
    if is_closed or _is_part(a, b) or _is_part(b, a):
        return distance < _SAME_GAP
    if _is_cut(a) or _is_cut(b):
        return distance < _BESIDE
    return distance < -0.25 * min(a.token.end - a.token.start, b.token.end - b.token.start)


def _is_part(cut: OverlapWord, whole: OverlapWord) -> bool:
    """Whether `cut`, at the edge of its piece, is what the edge left of `whole`."""
    part, full = cut.token.norm, whole.token.norm
    is_rest = full.endswith(part) if cut.side else full.startswith(part)
    return is_rest and len(part) < len(full) and cut.depth < _EDGE


def _is_cut(word: OverlapWord) -> bool:
    """Whether it is at the edge of its piece, while the other piece should have the whole word."""
    return word.depth < _EDGE and word.reach > 0


# ── lines of the chosen words ─────────────────────────────────────────────────────────────────────


def _group_by_line(words: Iterable[OverlapWord], links: set[frozenset[int]]) -> list[list[OverlapWord]]:
    """The words line by line; a word between two words of another line joins that line."""
    words = list(words)
    remaining = Counter(word.line for word in words)
    groups: list[list[OverlapWord]] = []
    owner = -1
    for word in words:
        if word.line != owner and not remaining[owner]:
            owner = word.line
            if not (groups and _continues(groups[-1][-1], word, links)):
                groups.append([])
        groups[-1].append(word)
        remaining[word.line] -= 1
    return groups


def _continues(last: OverlapWord, first: OverlapWord, links: set[frozenset[int]]) -> bool:
    """Whether a line of one side continues in one of the other: both lack words here, and they share some."""
    is_cut = not last.is_last and not first.is_first and last.side != first.side
    return is_cut and frozenset((last.line, first.line)) in links


def _make_line(group: Sequence[OverlapWord], lines: Sequence[Line]) -> Line:
    first, last = group[0], group[-1]
    original = lines[first.line]
    if _is_unchanged(group):
        return original
    text = join(word.token.text for word in group)
    start = original.segment.start if first.is_first else first.token.start
    end = lines[last.line].segment.end if last.is_last else last.token.end
    segment = original.segment.model_copy(
        update={
            "text": f" {text}" if original.segment.text[:1].isspace() else text,
            "start": start,
            "end": max(start, end),
            **_mean_confidence([lines[word.line].segment for word in group]),
        }
    )
    return Line(segment, tuple(timed for word in group for timed in word.token.words))


def _is_unchanged(group: Sequence[OverlapWord]) -> bool:
    """Whether the group is all the words of one line."""
    first, last = group[0], group[-1]
    is_one_line = all(word.line == first.line for word in group)
    return is_one_line and first.is_first and last.is_last and last.place - first.place == len(group) - 1


def _mean_confidence(segments: Sequence[Segment]) -> dict[str, float | None]:
    """One segment per word: the confidence of a merged line is the mean over its words."""
    return {
        name: _mean([getattr(segment, name) for segment in segments])
        for name in ("avg_logprob", "no_speech_prob", "compression_ratio", "temperature")
    }


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    if len(set(known)) < 2:
        return known[0] if known else None
    return sum(known) / len(known)
