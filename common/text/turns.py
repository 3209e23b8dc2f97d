"""Who speaks when: turns of words, and of speech without words or beside another's. Pure."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterator, Sequence

from common.models import Segment, Transcript, Turn
from common.text.cue_words import replace_unprintable
from common.text.speakers import has_speakers, names_of

_PAUSE = 0.5  # seconds: a shorter one belongs to the turn
_DIGITS = 3


def turns(transcript: Transcript) -> list[Turn]:
    """In order of their starts; of two speakers at once each has one.

    Two labels of one name are one speaker, called by the label of the first turn.
    """
    names = names_of(transcript)
    joined: list[tuple[str, float, float]] = []
    last_of: dict[str, int] = {}  # by name
    for speaker, start, end in sorted(_spoken(transcript), key=lambda turn: turn[1]):
        last = last_of.get(names[speaker], len(joined))
        if last < len(joined) and _goes_on(joined, last, start):
            joined[last] = (*joined[last][:2], max(end, joined[last][2]))
        else:
            last_of[names[speaker]] = len(joined)
            joined.append((speaker, start, end))
    return [
        Turn(speaker=speaker, start=round(start, _DIGITS), end=round(end, _DIGITS))
        for speaker, start, end in joined
    ]


def _goes_on(turns: Sequence[tuple[str, float, float]], last: int, start: float) -> bool:
    """Whether what begins at `start` belongs to turn `last`: the pause is short, and no turn begins in it."""
    end = turns[last][2]
    after = bisect_left(turns, end, lo=last + 1, key=lambda turn: turn[1])  # the first that begins later
    return start - end < _PAUSE and (after == len(turns) or turns[after][1] >= start)


def rttm(transcript: Transcript) -> str:
    """Rich Transcription Time Marked, as NIST's evaluations have it: a line a turn, fields divided by spaces.

    https://www.nist.gov/system/files/documents/itl/iad/mig/KWS15-evalplan-v05.pdf
    """
    names = names_of(transcript)
    return "".join(
        f"SPEAKER recording 1 {turn.start:.3f} {turn.end - turn.start:.3f} <NA> <NA> "
        f"{_field(names[turn.speaker])} <NA> <NA>\n"
        for turn in turns(transcript)
    )


def _field(name: str) -> str:
    return "_".join(replace_unprintable(name).split()) or "_"


def _spoken(transcript: Transcript) -> Iterator[tuple[str, float, float]]:
    """Words where there are their times, else segments; and what has no words."""
    for part in (transcript.words or transcript.segments, transcript.wordless or ()):
        for one in part:
            if one.speaker:
                yield one.speaker, one.start, one.end


def follow_words(transcript: Transcript, corrected: Sequence[Segment]) -> tuple[Turn, ...] | None:
    """The turns without words of a transcript whose segments become `corrected`, in order.

    A turn goes to the speaker who gets the nearest words of its old one, so that merging, splitting and
    renaming of speakers change both alike. Who takes the speaker of all words away means no turns either.
    """
    if not transcript.wordless:
        return transcript.wordless
    if has_speakers(transcript) and not any(segment.speaker for segment in corrected):
        return None
    said: dict[str, list[float]] = defaultdict(list)
    for segment in transcript.segments:
        if segment.speaker:
            said[segment.speaker].append((segment.start + segment.end) / 2)
    starts = [segment.start for segment in corrected]

    def speaker_of(turn: Turn) -> str:
        middle = (turn.start + turn.end) / 2
        at = bisect_right(starts, _nearest(said.get(turn.speaker, ()), middle)) - 1
        new = corrected[at].speaker if at >= 0 else None
        return new or turn.speaker

    return tuple(turn.model_copy(update={"speaker": speaker_of(turn)}) for turn in transcript.wordless)


def _nearest(times: Sequence[float], time: float) -> float:
    """Of times in order; before all of them where there are none."""
    at = bisect_right(times, time)
    around = times[max(at - 1, 0) : at + 1]
    return min(around, key=lambda one: abs(one - time), default=float("-inf"))
