"""Cues as TTML, which broadcasters take, and as Advanced SubStation Alpha, which colours words in time.

Both are written by libraries that are imported only here: docs/decisions/subtitle-formats.md.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from fractions import Fraction
from io import BytesIO
from itertools import pairwise
from typing import TYPE_CHECKING
from xml.etree.ElementTree import ElementTree

from common.text.cues import Cue

if TYPE_CHECKING:
    from ttconv.model import ContentDocument, P, Region

# Characters that XML cannot hold (https://www.w3.org/TR/xml/#charsets); control characters are gone already.
_NOT_IN_XML = re.compile("[\ufffe\uffff]")


def ttml(cues: Sequence[Cue], language: str) -> str:
    """TTML in the text profile of IMSC 1.1, https://www.w3.org/TR/ttml-imsc1.1/."""
    from ttconv.imsc import writer
    from ttconv.imsc.attributes import TimeExpressionSyntaxEnum
    from ttconv.imsc.config import ContentProfilesSignaling, IMSCWriterConfiguration

    how = IMSCWriterConfiguration(
        time_format=TimeExpressionSyntaxEnum.clock_time,
        profile_signaling=ContentProfilesSignaling.CONTENT_PROFILES,
    )
    tree: ElementTree = writer.from_model(_document(cues, language), how)
    file = BytesIO()
    tree.write(file, encoding="utf-8", xml_declaration=True)
    return file.getvalue().decode() + "\n"


def _document(cues: Sequence[Cue], language: str) -> ContentDocument:
    from ttconv import model
    from ttconv.imsc.designators import IMSC_11_TEXT_PROFILE_DESIGNATOR

    document = model.ContentDocument()
    document.set_content_profiles({IMSC_11_TEXT_PROFILE_DESIGNATOR})
    document.set_lang(language)
    body, div = model.Body(document), model.Div(document)
    document.set_body(body)
    body.set_region(_bottom(document))
    body.push_child(div)
    for cue in cues:
        div.push_child(_paragraph(cue, document))
    return document


def _bottom(document: ContentDocument) -> Region:
    """Where cues stand: in the middle of the bottom, a tenth of the picture away from its edges."""
    from ttconv import model
    from ttconv import style_properties as style

    def percent(value: float) -> style.LengthType:
        return style.LengthType(value, style.LengthType.Units.pct)

    region, names = model.Region("bottom", document), style.StyleProperties
    region.set_style(names.Origin, style.CoordinateType(x=percent(10), y=percent(10)))
    region.set_style(names.Extent, style.ExtentType(height=percent(80), width=percent(80)))
    region.set_style(names.DisplayAlign, style.DisplayAlignType.after)
    region.set_style(names.TextAlign, style.TextAlignType.center)
    document.put_region(region)
    return region


def _paragraph(cue: Cue, document: ContentDocument) -> P:
    from ttconv import model

    paragraph = model.P(document)
    paragraph.set_begin(Fraction(cue.start, 1000))
    paragraph.set_end(Fraction(cue.end, 1000))
    for number, line in enumerate(cue.lines):
        if number:
            paragraph.push_child(model.Br(document))
        span = model.Span(document)
        span.push_child(model.Text(document, _NOT_IN_XML.sub("\ufffd", line)))
        paragraph.push_child(span)
    return paragraph


def ass(cues: Sequence[Cue], *, word_times: bool = False) -> str:
    """Advanced SubStation Alpha; with `word_times`, players colour each word while it is spoken."""
    from pysubs2 import SSAEvent, SSAFile

    file = SSAFile()
    for cue in cues:
        text = r"\N".join(_sung_lines(cue) if word_times else map(_escape, cue.lines))
        name = " ".join((cue.speaker or "").replace(",", " ").split())
        # The format has hundredths of a second; rounded up, the last cue would end after the recording.
        file.append(SSAEvent(start=cue.start // 10 * 10, end=cue.end // 10 * 10, text=text, name=name))
    return file.to_string("ass")


def _sung_lines(cue: Cue) -> Iterator[str]:
    """The lines with the time that each word takes, in hundredths of a second."""
    times = [min(time, cue.end) for marks in cue.marks for _, time in marks]
    lengths = iter([max(0, b - a) for a, b in pairwise([cue.start, *times[1:], cue.end])])
    for line, marks in zip(cue.lines, cue.marks, strict=True):
        yield "".join(
            rf"{{\k{round(next(lengths) / 10)}}}{_escape(line[at:until])}"
            for (at, _), (until, _) in pairwise([*marks, (len(line), 0)])
        )


def _escape(text: str) -> str:
    r"""A word joiner keeps `\N` from being a line break; braces would hide what is between them."""
    return text.replace("\\", "\\\u2060").replace("{", r"\{").replace("}", r"\}")
