"""The formats of files that a transcript can be, and their media types."""

from __future__ import annotations

from typing import Literal, get_args

Format = Literal["srt", "vtt", "ttml", "ass", "tsv", "txt", "rttm"]
FORMATS: tuple[Format, ...] = get_args(Format)
# Formats with cues, which begin at words.
SUBTITLES: frozenset[Format] = frozenset({"srt", "vtt", "ttml", "ass"})
MEDIA_TYPES: dict[Format, str] = {
    "srt": "application/x-subrip; charset=utf-8",
    "vtt": "text/vtt; charset=utf-8",
    "ttml": "application/ttml+xml; charset=utf-8",
    "ass": "text/x-ssa; charset=utf-8",
    "tsv": "text/tab-separated-values; charset=utf-8",
    "txt": "text/plain; charset=utf-8",
    "rttm": "text/plain; charset=utf-8",
}
