"""Renders a transcript as a file of one of several formats, always UTF-8 and with plain line feeds.

Line feeds, not CR LF: every player reads both, and WebVTT allows both
(https://www.w3.org/TR/webvtt1/#file-structure); SubRip has no standard.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Literal

from common.models import Transcript
from common.text.cue_shape import CueShape
from common.text.cue_words import replace_unprintable
from common.text.cues import Cue, make_cues
from common.text.file_formats import Format
from common.text.speakers import has_speakers, name_speakers, utterances
from common.text.turns import rttm


def render(
    transcript: Transcript, format_: Format, shape: CueShape | None = None, *, word_times: bool = False
) -> str:
    """The whole file. `shape` bounds the cues of subtitles; tsv and txt have one line a segment.

    `word_times` puts a time before each word of vtt and ass, so that players can show which one is spoken.
    Where segments have speakers, each file names them in its format's way.
    """
    if format_ == "rttm":
        return rttm(transcript)
    transcript = name_speakers(transcript)
    match format_:
        case "srt":
            return srt(transcript, shape)
        case "vtt":
            return vtt(transcript, shape, word_times=word_times)
        case "ttml" | "ass":
            return _timed_text(transcript, format_, shape, word_times=word_times)
        case "tsv":
            return tsv(transcript)
        case "txt":
            return txt(transcript)


def _timed_text(
    transcript: Transcript, format_: Literal["ttml", "ass"], shape: CueShape | None, *, word_times: bool
) -> str:
    from common.text import timed_text  # its libraries take 20 MB that few requests need

    if format_ == "ttml":
        return timed_text.ttml(make_cues(transcript, shape, says_names=True), transcript.language or "")
    return timed_text.ass(make_cues(transcript, shape), word_times=word_times)


def srt(transcript: Transcript, shape: CueShape | None = None) -> str:
    """SubRip. It has no escapes, so an arrow in the text gets a space: as it is, it would end the cue."""
    return "".join(
        f"{number}\n{_clock(cue.start, ',')} --> {_clock(cue.end, ',')}\n"
        + "".join(f"{line.replace('-->', '-- >')}\n" for line in cue.lines)
        + "\n"
        for number, cue in enumerate(make_cues(transcript, shape, says_names=True), start=1)
    )


def vtt(transcript: Transcript, shape: CueShape | None = None, *, word_times: bool = False) -> str:
    """WebVTT, https://www.w3.org/TR/webvtt1/; where the transcript has speakers, a voice span names them."""
    body = "".join(
        f"{_clock(cue.start, '.')} --> {_clock(cue.end, '.')}\n{_vtt_text(cue, word_times)}\n\n"
        for cue in make_cues(transcript, shape)
    )
    return f"WEBVTT\n\n{body}"


def _vtt_text(cue: Cue, word_times: bool) -> str:
    voice = f"<v {_escape(_one_line(cue.speaker))}>" if cue.speaker else ""
    return voice + "\n".join(_timed_lines(cue) if word_times else map(_escape, cue.lines))


def _timed_lines(cue: Cue) -> Iterator[str]:
    """The lines with a time before each word; times grow, and lie within the cue."""
    clock = cue.start
    for line, marks in zip(cue.lines, cue.marks, strict=True):
        text = ""
        for (at, time), (until, _) in pairwise([*marks, (len(line), 0)]):
            if clock < time < cue.end:
                text, clock = f"{text}<{_clock(time, '.')}>", time
            text += _escape(line[at:until])
        yield text


def tsv(transcript: Transcript) -> str:
    """Start, end (milliseconds) and text of each segment, as Whisper's own command line writes it.

    Where there are speakers, a fourth column names them.
    """
    if not has_speakers(transcript):
        rows = (f"{start}\t{end}\t{text}\n" for start, end, text in _segments(transcript))
        return "start\tend\ttext\n" + "".join(rows)
    named = (
        f"{round(s.start * 1000)}\t{round(s.end * 1000)}\t{_one_line(s.text)}\t{_one_line(s.speaker or '')}\n"
        for s in transcript.segments
        if _one_line(s.text)
    )
    return "start\tend\ttext\tspeaker\n" + "".join(named)


def txt(transcript: Transcript) -> str:
    """The text alone, one segment a line; where there are speakers, a line for each time that one speaks."""
    if not has_speakers(transcript):
        return "".join(f"{text}\n" for _, _, text in _segments(transcript))
    return "".join(
        f"{_one_line(f'{each.speaker}: {each.text}' if each.speaker else each.text)}\n"
        for each in utterances(transcript)
        if _one_line(each.text)
    )


def _segments(transcript: Transcript) -> Iterator[tuple[int, int, str]]:
    """Times in milliseconds and text on one line; text without segments is one segment."""
    timed = [(s.start, s.end, s.text) for s in transcript.segments] or [
        (0.0, transcript.duration, transcript.text)
    ]
    for start, end, text in timed:
        if line := _one_line(text):
            yield round(start * 1000), round(end * 1000), line


def _one_line(text: str) -> str:
    return " ".join(replace_unprintable(text).split())


def _clock(milliseconds: int, point: str) -> str:
    seconds, rest = divmod(milliseconds, 1000)
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}{point}{rest:03}"


def _escape(line: str) -> str:
    return line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
