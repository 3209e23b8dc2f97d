"""What is wrong with a subtitle file, by the rules of people who make them; other programs read the file."""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise
from xml.etree import ElementTree as ET

import pysubs2
import srt  # type: ignore[import-untyped]
import webvtt

TTML = "{http://www.w3.org/ns/ttml}"
TWO_FRAMES = 2 / 24
SHORTEST = 0.8
PACE = 20.0


@dataclass(frozen=True)
class Shown:
    """One cue as a player gets it, in seconds."""

    start: float
    end: float
    lines: list[str]

    @property
    def seconds(self) -> float:
        return round(self.end - self.start, 3)

    @property
    def text(self) -> str:
        return "".join("".join(self.lines).split())


def read_cues(text: str, format_: str) -> list[Shown]:
    if format_ == "ttml":
        return list(_read_ttml(text))
    if format_ == "ass":
        events = pysubs2.SSAFile.from_string(text, "ass")
        return [Shown(event.start / 1000, event.end / 1000, _ass_lines(event.text)) for event in events]
    if format_ == "srt":
        return [
            Shown(cue.start / timedelta(seconds=1), cue.end / timedelta(seconds=1), cue.content.split("\n"))
            for cue in srt.parse(text)
        ]
    return [
        Shown(
            cue.start_time.in_milliseconds() / 1000,
            cue.end_time.in_milliseconds() / 1000,
            html.unescape(re.sub(r"<[^>]*>", "", cue.raw_text)).split("\n"),
        )
        for cue in webvtt.from_string(text).captions
    ]


def _read_ttml(text: str) -> Iterator[Shown]:
    for paragraph in ET.fromstring(text.encode()).iter(f"{TTML}p"):
        lines = [""]
        for element in paragraph:
            if element.tag == f"{TTML}br":
                lines.append("")
            else:
                lines[-1] += element.text or ""
        yield Shown(_seconds(paragraph.attrib["begin"]), _seconds(paragraph.attrib["end"]), lines)


def _seconds(clock: str) -> float:
    hours, minutes, seconds = clock.split(":")
    return int(hours) * 3600 + int(minutes) * 60 + float(seconds)


def _ass_lines(text: str) -> list[str]:
    """As libass shows it: words' times are no text, and escapes are undone."""
    shown = re.sub(r"(?<!\\){[^}]*}", "", text)
    lines = re.split(r"\\N", shown)
    return [re.sub(r"\\([{}])", r"\1", line).replace("\\\u2060", "\\") for line in lines]


def faults(text: str, format_: str, duration: float, *, lines: int = 2, line_length: int = 42) -> list[str]:
    """Everything that somebody would have to mend."""
    cues = read_cues(text, format_)
    found = [fault for cue in cues for fault in _faults_of(cue, lines, line_length)]
    found += [f"overlap: {cue} {later}" for cue, later in pairwise(cues) if cue.end > later.start]
    for cue, later in pairwise([*cues, Shown(9e9, 9e9, [])]):
        if cue.end != later.start and cue.seconds < min(SHORTEST, int(duration * 1000) / 1000):
            found.append(f"too short, and no other follows: {cue}")
        if cue.end != later.start and cue.end < duration - 0.01 and cue.seconds + 0.01 < len(cue.text) / PACE:
            found += [f"too fast, with time after it: {cue}"] if cue.seconds < 6.9 else []
    return found + [f"past the end: {cue}" for cue in cues if cue.end > max(duration, 0.1)]


def _faults_of(cue: Shown, lines: int, line_length: int) -> Iterator[str]:
    if cue.seconds < TWO_FRAMES:
        yield f"less than two frames: {cue}"
    if len(cue.lines) > lines or any(_columns(line) > line_length for line in cue.lines):
        yield f"too much text: {cue}"
    if not all(line == line.strip() and line for line in cue.lines):
        yield f"an empty line, or spaces: {cue}"


def _columns(line: str) -> int:
    line = line.replace("-- >", "-->")  # SubRip cannot hold an arrow, so it gets a space
    wide = sum(unicodedata.east_asian_width(char) in "WF" for char in line)
    return len(line) + wide - sum(map(bool, map(unicodedata.combining, line)))
