"""The words of a transcript as cues need them: none wider than a line, each at a time of its own."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from common.models import Transcript
from common.text.lines import Line, lines_of, tokens_of
from common.text.tokens import concatenate

_ONE_INSTANT = 0.02  # seconds: words that begin within it of each other share their time
_FASTEST_LETTER = 0.04  # seconds: nobody speaks more than 25 letters a second


@dataclass(frozen=True, slots=True)
class CueWord:
    """A word, or a part of one that is longer than a line; times in seconds. Spaces are not in `text`."""

    text: str
    width: int
    start: float
    end: float
    has_space: bool  # whether a space goes before it
    is_first: bool  # of its segment
    speaker: str | None


def cue_words(transcript: Transcript, longest: int, *, says_names: bool = False) -> list[CueWord]:
    """All words in order, none wider than `longest` columns, none that starts after the recording's end.

    `says_names`: the name of who begins to speak is a word, too.
    """
    words: list[CueWord] = []
    for line in lines_of(transcript):
        last = words[-1] if words else None
        spoken = list(_words_of(line, longest, before=last.text if last else ""))
        if says_names and spoken and spoken[0].speaker and not (last and last.speaker == spoken[0].speaker):
            words += _name_words(spoken[0], longest)
            spoken[0] = replace(spoken[0], is_first=False, has_space=True)
        words += spoken
    return _share_instants(_in_order(words, recording_end(transcript)), recording_end(transcript))


def recording_end(transcript: Transcript) -> float:
    """The recording's duration; where a transcript has none, the last time in it."""
    if 0 < transcript.duration < math.inf:
        return transcript.duration
    ends = [segment.end for segment in transcript.segments]
    ends += [word.end for word in transcript.words or ()]
    return max((end for end in ends if 0 < end < math.inf), default=0.0)


def replace_unprintable(text: str) -> str:
    """The text without control characters and half surrogates, which no subtitle format can hold."""
    if text.isprintable():
        return text
    return "".join(
        " " if char.isspace() else "\ufffd" if "\ud800" <= char <= "\udfff" else char
        for char in text
        if char.isspace() or unicodedata.category(char) != "Cc"
    )


# ── words ─────────────────────────────────────────────────────────────────────────────────────────


def _words_of(line: Line, longest: int, *, before: str) -> Iterator[CueWord]:
    speaker, is_first = line.segment.speaker, True
    for token in tokens_of(line):
        parts = _parts(token.text, longest)
        step = (token.end - token.start) / max(1, len(parts))
        for i, text in enumerate(parts):
            has_space = i == 0 and token.text[:1].isspace()
            has_space = has_space or (is_first and " " in concatenate(before[-1:], text[:1]))
            start = token.start + i * step
            yield CueWord(text, _width(text), start, start + step, has_space, is_first, speaker)
            is_first = False


def _name_words(first: CueWord, longest: int) -> list[CueWord]:
    """The name before the first word of its speaker, at that word's time."""
    parts = _parts(f"{first.speaker}:", longest)
    return [
        replace(first, text=text, width=_width(text), end=first.start, has_space=i == 0, is_first=i == 0)
        for i, text in enumerate(parts)
    ]


def _parts(text: str, longest: int) -> list[str]:
    """What is shown of a word, in parts that fit into a line."""
    shown = " ".join(replace_unprintable(text).split())
    parts = [shown] if _width(shown) <= longest else _split_long(shown, longest)
    return [part for part in parts if part]


def _width(text: str) -> int:
    return len(text) if text.isascii() else sum(map(_columns, text))


def _columns(char: str) -> int:
    if unicodedata.combining(char):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def _split_long(text: str, longest: int) -> list[str]:
    parts, free = [""], longest
    for char in text:
        free -= _columns(char)
        if free < 0:
            parts.append("")
            free = longest - _columns(char)
        parts[-1] += char
    return [part.strip() for part in parts]


# ── times ─────────────────────────────────────────────────────────────────────────────────────────


def _in_order(words: Sequence[CueWord], limit: float) -> list[CueWord]:
    """The words with times that never decrease, from 0 to `limit`."""
    clock, ordered = 0.0, []
    for word in words:
        clock = start = _clamp(word.start, clock, limit)
        end = _clamp(word.end, start, limit)
        ordered.append(
            word if (start, end) == (word.start, word.end) else replace(word, start=start, end=end)
        )
    return ordered


def _clamp(time: float, least: float, most: float) -> float:
    """`least` also where `time` is no number: no comparison with that is true."""
    return most if time > most else max(least, time)


def _share_instants(words: Sequence[CueWord], limit: float) -> list[CueWord]:
    """Words that an engine gives one instant share the time around it, by their letters."""
    shared: list[CueWord] = []
    first = 0
    while first < len(words):
        after = first + 1
        while after < len(words) and words[after].start - words[after - 1].start < _ONE_INSTANT:
            after += 1
        until = words[after].start if after < len(words) else limit
        run = words[first:after]
        shared += run if len(run) == 1 else _share(run, shared[-1].end if shared else 0.0, until)
        first = after
    return shared


def _share(run: Sequence[CueWord], earliest: float, latest: float) -> Iterator[CueWord]:
    """Divide the time of the run; where that is too little, also the silence after it, then before it."""
    sizes = [max(1, word.width) for word in run]
    needed = sum(sizes) * _FASTEST_LETTER
    start = run[0].start
    end = min(latest, max(start + needed, *(word.end for word in run)))
    start = min(start, max(earliest, end - needed))
    done = 0
    for word, size in zip(run, sizes, strict=True):
        left, right = (start + (end - start) * share / sum(sizes) for share in (done, done + size))
        yield replace(word, start=left, end=right)
        done += size
