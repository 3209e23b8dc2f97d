"""How a transcript is handed out: JSON for programs, or a file to keep, its cues cut as was asked."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal

from starlette.responses import Response

from common.errors import ONE_VALUE, OptionInvalid
from common.http.content_disposition import attachment
from common.models import Transcript
from common.text.cues import CueShape
from common.text.subtitles import FORMATS, MEDIA_TYPES, render
from common.text.subtitles import Format as FileFormat

Format = Literal["json"] | FileFormat


@dataclass(frozen=True, slots=True)
class _Bound:
    """A number that may be asked for, and the field of CueShape that it is."""

    of: str
    least: float
    most: float
    told: str
    whole: bool = False

    def schema(self) -> dict[str, Any]:
        default = getattr(CueShape(), self.of)
        kind = "integer" if self.whole else "number"
        told = {"type": kind, "minimum": self.least, "maximum": self.most, "default": default}
        return {**told, "description": self.told}


_BOUNDS = {
    "lineLength": _Bound("line_length", 10, 200, "of srt and vtt: letters a line", whole=True),
    "linesPerCue": _Bound("lines", 1, 10, "of srt and vtt: lines at once", whole=True),
    "maxCueSeconds": _Bound("longest", 1, 60, "of srt and vtt: how long a cue may stand"),
    "readingSpeed": _Bound("pace", 5, 100, "of srt and vtt: letters a second that people read"),
}

# What OpenAPI shows of them, as fields of a form or of an address.
LAYOUT_FIELDS: dict[str, dict[str, Any]] = {
    "format": {"type": "string", "enum": ["json", *FORMATS], "default": "json"},
    **{name: bound.schema() for name, bound in _BOUNDS.items()},
}


FILE_EXAMPLES: dict[str, dict[str, Any]] = {
    kind.partition(";")[0]: {"schema": {"type": "string"}} for kind in MEDIA_TYPES.values()
}


@dataclass(frozen=True, slots=True)
class Layout:
    """A format and, for subtitles, the bounds of their cues."""

    format: Format = "json"
    shape: CueShape = field(default_factory=CueShape)

    @property
    def wants_words(self) -> bool:
        """Whether word times make it better: they say where a cue may begin."""
        return self.format in {"srt", "vtt"}

    @property
    def tag(self) -> str:
        """Tells this layout from every other one, in characters that an entity tag may have."""
        shape = self.shape
        return f"{self.format}-{shape.line_length}-{shape.lines}-{shape.longest:g}-{shape.pace:g}"


def parse_layout(fields: Iterable[tuple[str, str]]) -> Layout:
    """Those of the fields that are a layout's; an empty value counts as not sent. Raises OptionInvalid."""
    given: dict[str, str] = {}
    for name, value in fields:
        if name in LAYOUT_FIELDS and value.strip():
            if name in given:
                raise OptionInvalid(option=name, expected=ONE_VALUE)
            given[name] = value.strip()
    numbers = {bound.of: _number(name, given[name]) for name, bound in _BOUNDS.items() if name in given}
    return Layout(_format(given.get("format", "json")), CueShape(**numbers))


def file_answer(
    transcript: Transcript,
    layout: Layout,
    *,
    name: str | None,
    headers: Mapping[str, str] = MappingProxyType({}),
) -> Response:
    """The file to download, called after the recording's own `name`; not for JSON."""
    assert layout.format != "json"
    text = render(transcript, layout.format, layout.shape)
    named = {"Content-Disposition": attachment(name, layout.format)}
    return Response(text, headers={**headers, **named}, media_type=MEDIA_TYPES[layout.format])


def _format(asked: str) -> Format:
    formats: tuple[Format, ...] = ("json", *FORMATS)
    for known in formats:
        if asked.lower() == known:
            return known
    raise OptionInvalid(option="format", expected=", ".join(formats))


def _number(name: str, value: str) -> Any:
    bound = _BOUNDS[name]
    try:
        number = int(value) if bound.whole else float(value)
    except ValueError:
        number = math.nan
    if not bound.least <= number <= bound.most:
        raise OptionInvalid(option=name, expected=f"{bound.least:g} … {bound.most:g}")
    return number
