"""Who says what: labels ("A", "B") become the names that people gave them, and neighbours become utterances.

Two labels of one name are one speaker: that is how speakers are merged. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import islice

from common.errors import Sentence, SpeakerUnknown
from common.models import Segment, Transcript
from common.text.tokens import join

_NOBODY = Sentence("none", "ninguno")
_LISTED = 20  # labels that an error names


@dataclass(frozen=True, slots=True)
class Utterance:
    """What one speaker says until another one does; times in seconds."""

    speaker: str | None
    start: float
    end: float
    text: str


def has_speakers(transcript: Transcript) -> bool:
    return any(segment.speaker for segment in transcript.segments)


def names_of(transcript: Transcript) -> dict[str, str]:
    """The name of each speaker by label, in order of first words; without a name the label itself."""
    names = transcript.speakers or {}
    labels = dict.fromkeys(segment.speaker for segment in transcript.segments if segment.speaker)
    labels |= dict.fromkeys(turn.speaker for turn in transcript.wordless or ())
    return {label: names.get(label, label) for label in labels}


def name_speakers(transcript: Transcript) -> Transcript:
    """The transcript with names in place of labels, as files show it."""
    if not has_speakers(transcript):
        return transcript
    names = names_of(transcript)
    segments = tuple(
        segment.model_copy(update={"speaker": names[segment.speaker]}) if segment.speaker else segment
        for segment in transcript.segments
    )
    return transcript.model_copy(update={"segments": segments, "speakers": None})


def give_names(transcript: Transcript, names: Mapping[str, str]) -> Transcript:
    """The transcript with these names by label, instead of those before. Raises SpeakerUnknown."""
    known = names_of(transcript)
    for label in names:
        if label not in known:
            raise SpeakerUnknown(speaker=label[:40], known=_list(known) or _NOBODY)
    return transcript.model_copy(update={"speakers": dict(sorted(names.items())) or None})


def _list(labels: Iterable[str]) -> str:
    """A correction may have brought thousands."""
    first = list(islice(labels, _LISTED + 1))
    return ", ".join(first[:_LISTED]) + (", …" if len(first) > _LISTED else "")


def utterances(transcript: Transcript) -> list[Utterance]:
    """The segments, neighbours of one speaker joined; `speaker` is the label of the first of them."""
    names = names_of(transcript)
    runs: list[list[Segment]] = []
    for segment in transcript.segments:
        if runs and _name(runs[-1][-1], names) == _name(segment, names):
            runs[-1].append(segment)
        else:
            runs.append([segment])
    return [_utterance(run) for run in runs]


def _name(segment: Segment, names: dict[str, str]) -> str | None:
    return names[segment.speaker] if segment.speaker else None


def _utterance(run: list[Segment]) -> Utterance:
    return Utterance(run[0].speaker, run[0].start, _end(run), join(segment.text for segment in run))


def _end(run: Iterable[Segment]) -> float:
    return max(segment.end for segment in run)
