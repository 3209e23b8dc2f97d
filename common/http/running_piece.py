"""The fields of a piece of a recording that still runs, and what the answer says of the text so far."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from common.errors import ONE_VALUE, OptionInvalid, Sentence
from common.models import Piece, Transcript
from common.text.running import advance

_SECONDS: dict[str, Any] = {"type": "number", "minimum": 0}

# What OpenAPI shows of them.
RUNNING_FIELDS: dict[str, dict[str, Any]] = {
    "pieceStart": {
        **_SECONDS,
        "description": "of a recording that still runs, sent in pieces that overlap: where this one starts",
    },
    "nextPieceStart": {**_SECONDS, "description": "where the next piece starts; absent with the last"},
    "before": {
        "type": "string",
        "pattern": r"^(\{.*\})?$",
        "description": "`running.rest` of the answer before, as JSON, unchanged",
    },
}

_NUMBER = Sentence("a number of seconds", "un número de segundos")
_REST = Sentence(
    "`running.rest` of the answer before, unchanged", "`running.rest` de la respuesta anterior, tal cual"
)


@dataclass(frozen=True, slots=True)
class RunningPiece:
    """Where a piece is in its recording, and what the pieces before it left open."""

    start: float
    next_start: float | None
    before: Piece | None

    def view(self, transcript: Transcript) -> dict[str, Any]:
        """`text` is final and continues that of the answers before; `open` may change with the next piece."""
        piece = Piece(index=0, start=self.start, transcript=transcript)
        running = advance(self.before, piece, next_start=self.next_start)
        rest = running.rest.model_dump_json(by_alias=True, exclude_none=True)
        return {"text": running.text.strip(), "open": running.rest.transcript.text.strip(), "rest": rest}


def parse_running_piece(fields: Iterable[tuple[str, str]]) -> RunningPiece | None:
    """None where the recording is a whole one. Raises OptionInvalid."""
    values: dict[str, str] = {}
    for name, value in fields:
        if name not in RUNNING_FIELDS or not value.strip():
            continue
        if name in values:
            raise OptionInvalid(option=name, expected=ONE_VALUE)
        values[name] = value
    if not values:
        return None
    start = _seconds("pieceStart", values["pieceStart"]) if "pieceStart" in values else 0.0
    next_start = _seconds("nextPieceStart", values["nextPieceStart"]) if "nextPieceStart" in values else None
    return RunningPiece(start, next_start, _rest(values["before"]) if "before" in values else None)


def _seconds(name: str, value: str) -> float:
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    if not 0 <= number < math.inf:
        raise OptionInvalid(option=name, expected=_NUMBER)
    return number


def _rest(value: str) -> Piece:
    try:
        piece = Piece.model_validate_json(value)
    except ValidationError:
        raise OptionInvalid(option="before", expected=_REST) from None
    transcript = piece.transcript
    numbers = [piece.start, transcript.duration]
    numbers += [second for item in transcript.segments for second in (item.start, item.end)]
    numbers += [second for item in transcript.words or () for second in (item.start, item.end)]
    if not all(0 <= number < math.inf for number in numbers):
        raise OptionInvalid(option="before", expected=_REST)
    return piece
