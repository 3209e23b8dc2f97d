"""Writes who speaks into a transcript: a label on each word, and segments that end where the speaker changes.

Pure. Labels are A, B, … in the order of first speech.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from string import ascii_uppercase

from common.models import Segment, Transcript, Turn, Word
from common.text.lines import Token, lines_of, tokens_of

MOST_SPEAKERS = len(ascii_uppercase)


def spoken_tokens(transcript: Transcript) -> list[list[Token]]:
    """The words of each segment's text, with the engine's times or with estimates."""
    return [tokens_of(line) for line in lines_of(transcript)]


def label_speakers(
    transcript: Transcript,
    lines: Sequence[Sequence[Token]],
    speakers: Sequence[int],
    wordless: Sequence[tuple[float, float, int]] = (),
) -> Transcript:
    """`speakers` has a number for each token of `lines` in order, whatever the numbers are.

    `wordless` are start, end and number of who speaks without words; who never says a word comes last.
    """
    numbers = dict.fromkeys((*speakers, *(speaker for _, _, speaker in wordless)))
    labels = dict(zip(numbers, ascii_uppercase, strict=False))
    turns = tuple(
        Turn(speaker=labels[speaker], start=round(start, 3), end=round(min(end, transcript.duration), 3))
        for start, end, speaker in wordless
        if start < transcript.duration
    )
    labelled = set_labels(transcript, lines, [labels[speaker] for speaker in speakers])
    return labelled.model_copy(update={"wordless": turns or None})


def set_labels(transcript: Transcript, lines: Sequence[Sequence[Token]], labels: Sequence[str]) -> Transcript:
    """The transcript with a label on each token of `lines`."""
    labelled = iter(labels)
    segments: list[Segment] = []
    words: list[Word] = []
    for line, segment in zip(lines, lines_of(transcript), strict=True):
        said = [(token, next(labelled)) for token in line]
        segments += _divide(segment.segment, said)
        words += [word.model_copy(update={"speaker": label}) for token, label in said for word in token.words]
    numbered = (segment.model_copy(update={"id": number}) for number, segment in enumerate(segments))
    timed = None if transcript.words is None else tuple(words)
    return transcript.model_copy(update={"segments": tuple(numbered), "words": timed})


def _divide(segment: Segment, said: Sequence[tuple[Token, str]]) -> Iterator[Segment]:
    """The segment, or one for each stretch of a speaker in it; their texts joined are its text."""
    stretches = [(label, [token for token, _ in group]) for label, group in groupby(said, lambda one: one[1])]
    if not stretches:
        yield segment
    for number, (label, tokens) in enumerate(stretches):
        is_first, is_last = number == 0, number == len(stretches) - 1
        start = segment.start if is_first else tokens[0].start
        end = segment.end if is_last else tokens[-1].end
        text = segment.text if is_first and is_last else "".join(token.text for token in tokens)
        yield segment.model_copy(
            update={"start": start, "end": max(start, end), "text": text, "speaker": label}
        )
