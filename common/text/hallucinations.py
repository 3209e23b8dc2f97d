"""Text that nobody said, taken out: lines over silence, phrases from other people's videos, loops.

Never for its wording alone: speech_evidence.py asks who else says that nobody spoke. What goes stays readable
in `Transcript.suppressed`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, groupby
from typing import Literal

from common.models import Segment, Suppressed, Transcript
from common.text.lines import Line, Token, lines, tokens
from common.text.loops import find_loops
from common.text.speech_evidence import Judge, Loudness
from common.text.tokens import join, letters

_COMPRESSED = 2.4  # Whisper's own threshold for text that repeats itself
_FASTEST = 35.0  # letters a second
_LONELY = 3.0  # seconds of pause
_COMPARED = 15.0  # seconds, at most, of speech to compare with


def worth_measuring(transcript: Transcript) -> list[tuple[float, float]]:
    """Where loudness would tell whether somebody spoke, in seconds from and to, the gravest doubt first.

    Before all comes a line that somebody surely said, to compare with. Empty without a doubt.
    """
    every = lines(transcript)
    judge = Judge(every, None)
    left = {i: line.segment for i, line in enumerate(every) if not judge.suppression_reason(line.segment)}
    alone = set(_alone(every))
    doubts = {i: judge.doubt(segment) or int(i in alone) for i, segment in left.items()}
    gravest = sorted((i for i in left if doubts[i]), key=lambda i: -doubts[i])
    sure = [segment for i, segment in left.items() if not doubts[i]]
    return [*_surest(sure), *((left[i].start, left[i].end) for i in gravest)] if gravest else []


def remove_hallucinations(transcript: Transcript, *, loudness: Loudness | None = None) -> Transcript:
    """The transcript with only what was said; what was taken out is in its `suppressed`, with the reason.

    `loudness` is on the transcript's clock. Harmless when repeated.
    """
    every = lines(transcript)
    judge = Judge(every, loudness)
    reasons = [judge.suppression_reason(line.segment) for line in every]
    said = [line for line, reason in zip(every, reasons, strict=True) if not reason]
    out = [_suppressed(line.segment, reason) for line, reason in zip(every, reasons, strict=True) if reason]
    kept, looped = _unlooped(said)
    return _rebuilt(transcript, kept, [*out, *looped]) if out or looped else transcript


def _surest(segments: Iterable[Segment]) -> list[tuple[float, float]]:
    """The line that says most, of those that are not long, if there is any."""
    short = [segment for segment in segments if segment.end - segment.start <= _COMPARED]
    most = max(short, key=lambda segment: len(letters(segment.text)), default=None)
    return [(most.start, most.end)] if most else []


def _alone(every: Sequence[Line]) -> Iterator[int]:
    """Lines with a long pause on either side: in silence, an engine that listens on says something."""
    starts = [line.segment.start for line in every]
    ends = list(accumulate((line.segment.end for line in every), max))
    for i, line in enumerate(every):
        before = i == 0 or line.segment.start - ends[i - 1] >= _LONELY
        after = i == len(every) - 1 or starts[i + 1] - line.segment.end >= _LONELY
        if before and after and len(every) > 1:
            yield i


def _suppressed(segment: Segment, reason: Literal["silence", "phrase"]) -> Suppressed:
    return Suppressed(start=segment.start, end=segment.end, text=segment.text.strip(), reason=reason)


# ── the same words again and again ────────────────────────────────────────────────────────────────


@dataclass(slots=True)
class _Said:
    """One word of one line, and whether it stays."""

    line: int
    token: Token
    stays: bool = True


def _unlooped(every: Sequence[Line]) -> tuple[list[Line], list[Suppressed]]:
    """The lines with each loop said once, and what was taken out of them."""
    said = [_Said(i, token) for i, line in enumerate(every) for token in tokens(line)]

    def suspect(start: int, end: int) -> bool:
        looping = (every[i].segment for i in {word.line for word in said[start:end]})
        return any((segment.compression_ratio or 0) > _COMPRESSED for segment in looping) or _is_rushed(
            [word.token for word in said[start:end]]
        )

    out: list[Suppressed] = []
    for loop in find_loops([word.token.norm for word in said], suspect=suspect):
        again = said[loop.start + loop.unit : loop.end]
        for word in again:
            word.stays = False
        out.append(_repetition([word.token for word in again]))
    return (list(_without(every, said)), out) if out else (list(every), [])


def _is_rushed(words: Sequence[Token]) -> bool:
    """Whether nobody can speak so fast; a stuck decoder often gives its words no time at all."""
    seconds = max(word.end for word in words) - min(word.start for word in words)
    return sum(len(word.norm) for word in words) > _FASTEST * seconds


def _repetition(words: Sequence[Token]) -> Suppressed:
    start, end = words[0].start, max(word.end for word in words)
    return Suppressed(start=start, end=max(start, end), text=join(w.text for w in words), reason="repetition")


def _without(every: Sequence[Line], said: Sequence[_Said]) -> Iterator[Line]:
    spoken = {i: list(words) for i, words in groupby(said, key=lambda word: word.line)}
    for i, line in enumerate(every):
        kept = [word.token for word in spoken.get(i, []) if word.stays]
        if len(kept) == len(spoken.get(i, [])):
            yield line
        elif kept:
            yield _shortened(line, kept, [word.stays for word in spoken[i]])


def _shortened(line: Line, kept: Sequence[Token], stays: Sequence[bool]) -> Line:
    text = join(token.text for token in kept)
    start = line.segment.start if stays[0] else kept[0].start
    end = line.segment.end if stays[-1] else kept[-1].end
    update = {
        "text": f" {text}" if line.segment.text[:1].isspace() else text,
        "start": start,
        "end": max(start, end),
        "compression_ratio": None,  # it spoke of the text as it was
    }
    segment = line.segment.model_copy(update=update)
    return Line(segment, tuple(word for token in kept for word in token.words))


# ── together again ────────────────────────────────────────────────────────────────────────────────


def _rebuilt(transcript: Transcript, kept: Sequence[Line], out: Sequence[Suppressed]) -> Transcript:
    segments = [line.segment.model_copy(update={"id": i}) for i, line in enumerate(kept)]
    return transcript.model_copy(
        update={
            "text": join(segment.text for segment in segments),
            "segments": tuple(segments) if transcript.segments else (),
            "words": None if transcript.words is None else tuple(w for line in kept for w in line.words),
            "suppressed": tuple(sorted((*transcript.suppressed, *out), key=lambda item: item.start)),
        }
    )
