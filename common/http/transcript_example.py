"""The transcript with speakers that OpenAPI shows."""

from __future__ import annotations

from typing import Any

_WITH_SPEAKERS = {
    "text": "¿Vienes? Sí, claro.",
    "language": "es",
    "duration": 5.2,
    "segments": [
        {"id": 0, "start": 0.3, "end": 0.9, "text": "¿Vienes?", "speaker": "A"},
        {"id": 1, "start": 1.6, "end": 2.5, "text": "Sí, claro.", "speaker": "B"},
    ],
    "speakers": {"A": "Ana", "B": "B"},
    "utterances": [
        {"speaker": "A", "start": 0.3, "end": 0.9, "text": "¿Vienes?"},
        {"speaker": "B", "start": 1.6, "end": 2.5, "text": "Sí, claro."},
    ],
    "turns": [
        {"speaker": "A", "start": 0.3, "end": 0.9},
        {"speaker": "B", "start": 1.6, "end": 2.5},
        {"speaker": "A", "start": 3.9, "end": 4.6},
    ],
}


def json_examples(plain: dict[str, Any]) -> dict[str, Any]:
    """`plain`, and one whose request asked for speakers; the last of its turns has no words."""
    speakers = {"summary": "with `speakers`", "value": _WITH_SPEAKERS}
    return {"application/json": {"examples": {"plain": {"value": plain}, "speakers": speakers}}}
