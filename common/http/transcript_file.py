"""The layout of a transcript: JSON, or a file of one of several formats, with bounds for its cues."""

from __future__ import annotations

import math
from asyncio import to_thread
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal

from starlette.responses import Response

from common.errors import ONE_VALUE, OptionInvalid, Sentence
from common.http.content_disposition import attachment
from common.models import Transcript
from common.text.cue_shape import CueShape
from common.text.file_formats import FORMATS, MEDIA_TYPES, SUBTITLES
from common.text.file_formats import Format as FileFormat

Format = Literal["json"] | FileFormat


@dataclass(frozen=True, slots=True)
class _Bound:
    """An option that is a number, and the field of CueShape that it sets."""

    field: str
    least: float
    most: float
    description: str
    is_whole: bool = False

    def schema(self) -> dict[str, Any]:
        default = getattr(CueShape(), self.field)
        kind = "integer" if self.is_whole else "number"
        bounds = {"type": kind, "minimum": self.least, "maximum": self.most, "default": default}
        return {**bounds, "description": self.description}


_BOUNDS = {
    "lineLength": _Bound("line_length", 10, 200, "of subtitles: characters a line", is_whole=True),
    "linesPerCue": _Bound("lines", 1, 10, "of subtitles: lines a cue", is_whole=True),
    "maxCueSeconds": _Bound("longest", 1, 60, "of subtitles: how long a cue may be shown"),
    "readingSpeed": _Bound("pace", 5, 100, "of subtitles: characters a second that people read"),
}

# What OpenAPI shows of a layout: fields of a form, or parameters of a query.
LAYOUT_FIELDS: dict[str, dict[str, Any]] = {
    "format": {"type": "string", "enum": ["json", *FORMATS], "default": "json"},
    **{name: bound.schema() for name, bound in _BOUNDS.items()},
    "wordTimes": {"type": "boolean", "default": False, "description": "of vtt and ass: a time for each word"},
}


FILE_EXAMPLES: dict[str, dict[str, Any]] = {
    kind.partition(";")[0]: {"schema": {"type": "string"}} for kind in MEDIA_TYPES.values()
}


_OTHERS = ", ".join(("json", *(name for name in FORMATS if name != "rttm")))
_WITHOUT_SPEAKERS = Sentence(f"{_OTHERS}; rttm with `speakers`", f"{_OTHERS}; rttm con `speakers`")


@dataclass(frozen=True, slots=True)
class Layout:
    """A format and, for subtitles, the bounds of its cues."""

    format: Format = "json"
    shape: CueShape = field(default_factory=CueShape)
    word_times: bool = False

    @property
    def wants_words(self) -> bool:
        """Whether the format needs the times of words: a cue may begin only at a word."""
        return self.format in SUBTITLES

    @property
    def tag(self) -> str:
        """Unlike the tag of every other layout, in characters that an entity tag may have."""
        shape = self.shape
        bounds = f"{shape.line_length}-{shape.lines}-{shape.longest:g}-{shape.pace:g}"
        return f"{self.format}-{bounds}{'-words' if self.word_times else ''}"


def parse_layout(fields: Iterable[tuple[str, str]]) -> Layout:
    """The layout in a form's fields or a query; an empty value counts as not sent. Raises OptionInvalid."""
    values: dict[str, str] = {}
    for name, value in fields:
        if name in LAYOUT_FIELDS and value.strip():
            if name in values:
                raise OptionInvalid(option=name, expected=ONE_VALUE)
            values[name] = value.strip()
    numbers = {bound.field: _number(name, values[name]) for name, bound in _BOUNDS.items() if name in values}
    word_times = _boolean("wordTimes", values.get("wordTimes", "false"))
    return Layout(_format(values.get("format", "json")), CueShape(**numbers), word_times)


async def file_response(
    transcript: Transcript,
    layout: Layout,
    *,
    name: str | None,
    headers: Mapping[str, str] = MappingProxyType({}),
) -> Response:
    """The transcript as a download, named after the recording `name`; not for JSON.

    A thread renders it: the subtitles of two hours take a second of a processor.
    """
    from common.text.subtitles import render

    assert layout.format != "json"
    text = await to_thread(render, transcript, layout.format, layout.shape, word_times=layout.word_times)
    disposition = {"Content-Disposition": attachment(name, layout.format)}
    return Response(text, headers={**headers, **disposition}, media_type=MEDIA_TYPES[layout.format])


def require_speakers(layout: Layout, *, asked: bool) -> None:
    """Raises OptionInvalid where the format holds nothing but speakers, and nobody asked for them."""
    if layout.format == "rttm" and not asked:
        raise OptionInvalid(option="format", expected=_WITHOUT_SPEAKERS)


def _format(value: str) -> Format:
    formats: tuple[Format, ...] = ("json", *FORMATS)
    for known in formats:
        if value.lower() == known:
            return known
    raise OptionInvalid(option="format", expected=", ".join(formats))


def _boolean(name: str, value: str) -> bool:
    if value.lower() not in {"true", "1", "false", "0"}:
        raise OptionInvalid(option=name, expected="true, false")
    return value.lower() in {"true", "1"}


def _number(name: str, value: str) -> Any:
    bound = _BOUNDS[name]
    try:
        number = int(value) if bound.is_whole else float(value)
    except ValueError:
        number = math.nan
    if not bound.least <= number <= bound.most:
        raise OptionInvalid(option=name, expected=f"{bound.least:g} … {bound.most:g}")
    return number
