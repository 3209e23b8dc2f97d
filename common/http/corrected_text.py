"""The body of a correction: JSON of segments, as the answers have them, within bounds."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.requests import Request

from common.errors import BodyMalformed, OptionInvalid, Sentence, TranscriptTooLarge
from common.http.disconnect import body_of
from common.models import Word
from common.text.correction import CorrectedSegment

MAX_MB = 4  # four hours with the times of all words are 3 MB; on AWS no call takes more
_MAX_BYTES = MAX_MB * 1024 * 1024

_NOT_JSON = Sentence("it is not JSON", "no es JSON")
_EXPECTED = {
    "start": Sentence("a number of seconds", "un número de segundos"),
    "end": Sentence("a number of seconds", "un número de segundos"),
    "text": Sentence("text", "texto"),
    "word": Sentence("text", "texto"),
    "words": Sentence("a list of {word, start, end}", "una lista de {word, start, end}"),
    "speaker": Sentence(
        "a label of letters, digits, - and _, at most 32",
        "una etiqueta de letras, cifras, - y _, como mucho 32",
    ),
}
_SEGMENTS = Sentence("a list of {start, end, text}", "una lista de {start, end, text}")

_Seconds = Annotated[float, Field(allow_inf_nan=False)]


class _Part(BaseModel):
    """Fields that answers have and corrections do not change may come back with it."""

    model_config = ConfigDict(strict=True, extra="ignore", defer_build=True)


class _Word(_Part):
    word: str
    start: _Seconds
    end: _Seconds


class _Segment(_Part):
    start: _Seconds
    end: _Seconds
    text: str
    words: list[_Word] | None = None
    speaker: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{0,32}$")] | None = None


class _Correction(_Part):
    segments: list[_Segment]


async def read_correction(request: Request) -> bytes:
    """The body. Raises TranscriptTooLarge."""
    body = bytearray()
    async for block in body_of(request):
        body += block
        if len(body) > _MAX_BYTES:
            raise TranscriptTooLarge(limit_mb=MAX_MB)
    return bytes(body)


def parse_correction(body: bytes) -> list[CorrectedSegment]:
    """The segments in a body. Raises BodyMalformed, OptionInvalid, which names the place."""
    try:
        correction = _Correction.model_validate_json(body)
    except ValidationError as exc:
        raise _error_of(exc) from None
    return [_segment(segment) for segment in correction.segments]


def _segment(segment: _Segment) -> CorrectedSegment:
    words = segment.words
    made = None if words is None else tuple(Word(word=w.word, start=w.start, end=w.end) for w in words)
    return CorrectedSegment(segment.start, segment.end, segment.text, made, segment.speaker)


def _error_of(exc: ValidationError) -> BodyMalformed | OptionInvalid:
    problem = exc.errors(include_url=False, include_input=False, include_context=False)[0]
    if problem["type"] == "json_invalid":
        return BodyMalformed(problem=_NOT_JSON)
    names = [part for part in problem["loc"] if isinstance(part, str)]
    place = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in problem["loc"])
    expected = _EXPECTED.get(names[-1], _SEGMENTS) if names else _SEGMENTS
    return OptionInvalid(option=place.lstrip(".") or "segments", expected=expected)
