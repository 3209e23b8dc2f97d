"""Groq's verbose_json → Transcript. Anything but the text may be missing."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from typing import Any

from common.errors import EngineBroken
from common.models import Options, Segment, Transcript, TranscriptWarning, Word
from common.text.languages import code_of


def parse_transcript(
    body: bytes,
    *,
    options: Options,
    duration: float,
    model: str,
    warnings: tuple[TranscriptWarning, ...] = (),
) -> Transcript:
    """Parse the body of a 200. `duration` is the one that we measured.

    `text` is stripped. The texts of segments and words keep their leading spaces: only those say whether two
    pieces join with a space, as in Spanish, or without, as in Chinese. Raises EngineBroken for a body that is
    not JSON or has no text.
    """
    answer = _parse_object(body)
    text = answer.get("text")
    if not isinstance(text, str):
        raise EngineBroken(reason="an answer without text")
    return Transcript(
        text=text.strip(),
        language=_language(answer, options),
        language_probability=_number(answer.get("language_probability"), highest=1),
        duration=duration,
        model=model,
        segments=tuple(parse_segments(answer.get("segments"))),
        words=tuple(_words(answer)) if "word" in options.timestamps else None,
        warnings=warnings,
    )


def _parse_object(body: bytes) -> dict[str, Any]:
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError) as exc:
        raise EngineBroken(reason="an answer that is not JSON") from exc
    if not isinstance(answer, dict):
        raise EngineBroken(reason="an answer that is no object")
    return answer


def _language(answer: dict[str, Any], options: Options) -> str | None:
    """The spoken language. For a translation the engine may name either language, so the options go first."""
    detected = _code(answer.get("language"))
    if options.task == "translate":
        return options.language or detected
    return detected or options.language


def _code(name: Any) -> str | None:
    return code_of(name) if isinstance(name, str) else None


def parse_segments(items: Any, *, first: int = 0) -> Iterator[Segment]:
    """The segments in order of time, numbered from `first`; what has no text or no times is left out."""
    for index, (start, end, text, item) in enumerate(_timed_items(items, "text"), first):
        yield Segment(
            id=index,
            start=start,
            end=end,
            text=text,
            avg_logprob=_number(item.get("avg_logprob"), lowest=-math.inf),
            no_speech_prob=_number(item.get("no_speech_prob"), highest=1),
            compression_ratio=_number(item.get("compression_ratio")),
            temperature=_number(item.get("temperature")),
            language=_code(item.get("language")),
        )


def _words(answer: dict[str, Any]) -> Iterator[Word]:
    for start, end, word, _ in _timed_items(answer.get("words"), "word"):
        yield Word(word=word, start=start, end=end)


def _timed_items(items: Any, text_name: str) -> list[tuple[float, float, str, dict[str, Any]]]:
    """(start, end, text, item) of each item that has them, in order of time; no end before its start."""
    timed = []
    for item in items if isinstance(items, list) else ():
        if not isinstance(item, dict) or not isinstance(text := item.get(text_name), str):
            continue
        start, end = _number(item.get("start")), _number(item.get("end"))
        if start is not None and end is not None:
            timed.append((start, max(start, end), text, item))
    return sorted(timed, key=lambda row: row[0])


def _number(value: Any, *, lowest: float = 0.0, highest: float = math.inf) -> float | None:
    """A finite number within bounds, else None: Python's json also parses NaN, Infinity and 1e999."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) and lowest <= number <= highest else None
