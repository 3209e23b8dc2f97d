"""Groq's verbose_json → Transcript, tolerant of all that may be missing except the text itself."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from typing import Any

from common.errors import EngineBroken
from common.models import Options, Segment, Transcript, Word
from common.text.languages import code_of


def transcript_of(
    body: bytes, *, options: Options, duration: float, model: str, warnings: tuple[str, ...] = ()
) -> Transcript:
    """Read an answer of 200. `duration` is ours, measured. Texts stay as the engine wrote them, leading
    spaces and all, since only those tell how pieces join in Chinese; `text` alone is stripped.

    Raises EngineBroken for what is no JSON or has no text.
    """
    answer = _object(body)
    text = answer.get("text")
    if not isinstance(text, str):
        raise EngineBroken(reason="an answer without text")
    return Transcript(
        text=text.strip(),
        language=_language(answer, options),
        language_probability=_number(answer.get("language_probability"), highest=1),
        duration=duration,
        model=model,
        segments=tuple(_segments(answer)),
        words=tuple(_words(answer)) if "word" in options.timestamps else None,
        warnings=warnings,
    )


def _object(body: bytes) -> dict[str, Any]:
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError) as exc:
        raise EngineBroken(reason="an answer that is not JSON") from exc
    if not isinstance(answer, dict):
        raise EngineBroken(reason="an answer that is no object")
    return answer


def _language(answer: dict[str, Any], options: Options) -> str | None:
    """The language that was spoken; of a translation the engine may name either, so trust what was asked."""
    named = answer.get("language")
    heard = code_of(named) if isinstance(named, str) else None
    if options.task == "translate":
        return options.language or heard
    return heard or options.language


def _segments(answer: dict[str, Any]) -> Iterator[Segment]:
    for index, (start, end, text, item) in enumerate(_timed(answer.get("segments"), "text")):
        yield Segment(
            id=index,
            start=start,
            end=end,
            text=text,
            avg_logprob=_number(item.get("avg_logprob"), lowest=-math.inf),
            no_speech_prob=_number(item.get("no_speech_prob"), highest=1),
            compression_ratio=_number(item.get("compression_ratio")),
            temperature=_number(item.get("temperature")),
        )


def _words(answer: dict[str, Any]) -> Iterator[Word]:
    for start, end, word, _ in _timed(answer.get("words"), "word"):
        yield Word(word=word, start=start, end=end)


def _timed(items: Any, text_name: str) -> list[tuple[float, float, str, dict[str, Any]]]:
    """(start, end, text, item) of all that have them, in order of time; an end never before its start."""
    found = []
    for item in items if isinstance(items, list) else ():
        if not isinstance(item, dict) or not isinstance(text := item.get(text_name), str):
            continue
        start, end = _number(item.get("start")), _number(item.get("end"))
        if start is not None and end is not None:
            found.append((start, max(start, end), text, item))
    return sorted(found, key=lambda timed: timed[0])


def _number(value: Any, *, lowest: float = 0.0, highest: float = math.inf) -> float | None:
    """A finite number within bounds, or None: JSON as Python reads it may hold NaN, Infinity and 1e999."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) and lowest <= number <= highest else None
