"""What two pieces both heard, told once: their lines aligned word by word and woven into one telling.

Near its cut edge a piece hears half words and guesses, so of two hearings the one farther from its
own edge counts; what only one piece heard is kept. Compare ROVER, Fiscus 1997.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from heapq import merge as by_time
from itertools import count

from common.models import Segment
from common.text.alignment import Pair, align
from common.text.lines import Line, Token, tokens
from common.text.tokens import join

_EDGE = 0.2  # seconds; a word this near a cut may be half a word
_BESIDE = 0.1  # seconds
_LOOSE = 1.0  # seconds; estimated times this close may be the same moment
_SAME_GAP = 0.5  # seconds; between two words both heard, unlike words this close are one word misheard


@dataclass(frozen=True, slots=True)
class OverlapWord:
    """A token as one side heard it.

    `depth` is its distance in seconds from its own side's cut edge, `reach` from the other side's;
    `place` is its place among all tokens.
    """

    token: Token
    side: int
    line: int
    place: int
    opens: bool
    closes: bool
    depth: float
    reach: float


def weave(left: Sequence[Line], right: Sequence[Line], *, begin: float, end: float) -> list[Line]:
    """The lines of both, each word once; `right` was cut off at `begin`, `left` at `end` (seconds)."""
    lines = [*left, *right]
    heard = list(_overlap_words(lines, len(left), begin, end))
    a, b = [h for h in heard if not h.side], [h for h in heard if h.side]
    pairs = align([h.token for h in a], [h.token for h in b], begin=begin, end=end)
    links = {frozenset((a[i].line, b[j].line)) for i, j in pairs}
    return [_line(group, lines) for group in _groups(_told(a, b, pairs), links)]


def _overlap_words(lines: Sequence[Line], border: int, begin: float, end: float) -> Iterator[OverlapWord]:
    place = count()
    for i, line in enumerate(lines):
        side, said = int(i >= border), tokens(line)
        for k, token in enumerate(said):
            edges = token.start - begin, end - token.end
            yield OverlapWord(
                token, side, i, next(place), k == 0, k == len(said) - 1, edges[1 - side], edges[side]
            )


# ── which hearing counts ──────────────────────────────────────────────────────────────────────────


def _told(a: Sequence[OverlapWord], b: Sequence[OverlapWord], pairs: Sequence[Pair]) -> Iterator[OverlapWord]:
    """Every word once, in order."""
    i = j = 0
    for ends in (*pairs, (len(a), len(b))):
        closed = bool(i) and ends != (len(a), len(b))
        yield from _gap(a[i : ends[0]], b[j : ends[1]], closed=closed)
        i, j = ends[0] + 1, ends[1] + 1
        if i <= len(a) and j <= len(b):
            yield max(a[ends[0]], b[ends[1]], key=lambda heard: heard.depth)


def _gap(a: Sequence[OverlapWord], b: Sequence[OverlapWord], *, closed: bool) -> Iterable[OverlapWord]:
    """The words between two shared ones: all, but of those that contradict each other the deeper."""
    if not a or not b:
        return a or b
    kept: tuple[list[OverlapWord], list[OverlapWord]] = ([], [])
    for heard in sorted((*a, *b), key=lambda heard: -heard.depth):
        if not any(_contradict(heard, other, closed=closed) for other in kept[1 - heard.side]):
            kept[heard.side].append(heard)
    return by_time(*(sorted(side, key=lambda h: h.place) for side in kept), key=lambda h: h.token.middle)


def _contradict(one: OverlapWord, other: OverlapWord, *, closed: bool) -> bool:
    """Whether both are hearings of the same moment, so that only one can be right."""
    estimated = one.token.slack or other.token.slack
    if estimated and closed:
        return True
    apart = max(one.token.start, other.token.start) - min(one.token.end, other.token.end)
    if estimated:
        return apart < _LOOSE
    if closed or _is_part(one, other) or _is_part(other, one):
        return apart < _SAME_GAP
    if _is_cut(one) or _is_cut(other):
        return apart < _BESIDE
    return apart < -0.25 * min(one.token.end - one.token.start, other.token.end - other.token.start)


def _is_part(cut: OverlapWord, whole: OverlapWord) -> bool:
    """Whether `cut`, at the very edge of its piece, is what the edge left of `whole`."""
    part, full = cut.token.norm, whole.token.norm
    left = full.endswith(part) if cut.side else full.startswith(part)
    return left and len(part) < len(full) and cut.depth < _EDGE


def _is_cut(heard: OverlapWord) -> bool:
    """Whether it is at the very edge of its piece, where the other piece should have heard it whole."""
    return heard.depth < _EDGE and heard.reach > 0


# ── lines again ───────────────────────────────────────────────────────────────────────────────────


def _groups(told: Iterable[OverlapWord], links: set[frozenset[int]]) -> list[list[OverlapWord]]:
    """The words line by line; a word between two of another line's words goes with those."""
    told = list(told)
    ahead = Counter(heard.line for heard in told)
    groups: list[list[OverlapWord]] = []
    owner = -1
    for heard in told:
        if heard.line != owner and not ahead[owner]:
            owner = heard.line
            if not (groups and _is_one_line(groups[-1][-1], heard, links)):
                groups.append([])
        groups[-1].append(heard)
        ahead[heard.line] -= 1
    return groups


def _is_one_line(last: OverlapWord, first: OverlapWord, links: set[frozenset[int]]) -> bool:
    """Whether one side's line goes on in the other's: both lost words here, and they shared some."""
    cut = not last.closes and not first.opens and last.side != first.side
    return cut and frozenset((last.line, first.line)) in links


def _line(group: Sequence[OverlapWord], lines: Sequence[Line]) -> Line:
    first, last = group[0], group[-1]
    home = lines[first.line]
    if _is_whole(group):
        return home
    text = join(heard.token.text for heard in group)
    start = home.segment.start if first.opens else first.token.start
    end = lines[last.line].segment.end if last.closes else last.token.end
    segment = home.segment.model_copy(
        update={
            "text": f" {text}" if home.segment.text[:1].isspace() else text,
            "start": start,
            "end": max(start, end),
            **_confidence([lines[heard.line].segment for heard in group]),
        }
    )
    return Line(segment, tuple(word for heard in group for word in heard.token.words))


def _is_whole(group: Sequence[OverlapWord]) -> bool:
    first, last = group[0], group[-1]
    same = all(heard.line == first.line for heard in group)
    return same and first.opens and last.closes and last.place - first.place == len(group) - 1


def _confidence(segments: Sequence[Segment]) -> dict[str, float | None]:
    """By the word: a line told half by each side is as sure as its words were."""
    return {
        name: _mean([getattr(segment, name) for segment in segments])
        for name in ("avg_logprob", "no_speech_prob", "compression_ratio", "temperature")
    }


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    if len(set(known)) < 2:
        return known[0] if known else None
    return sum(known) / len(known)
