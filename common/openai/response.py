"""A transcript as OpenAI's audio API writes it; names and shapes are OpenAI's, not ours.

https://platform.openai.com/docs/api-reference/audio/verbose-json-object
"""

from __future__ import annotations

import json
import math
import zlib
from typing import Any

from common.models import Segment, Transcript, Word
from common.openai.request import OpenAIRequest
from common.text.languages import name_of

JSON = "application/json"
# OpenAI's server answers srt and vtt as plain text, too; the SDKs hand all three on as a string.
TEXT = "text/plain; charset=utf-8"


def answer_of(transcript: Transcript, ask: OpenAIRequest) -> tuple[str, str]:
    """The body and its media type."""
    match ask.format:
        case "json":
            return _json(_short(transcript, ask)), JSON
        case "verbose_json":
            return _json(_verbose(transcript, ask)), JSON
        case "text":
            return f"{transcript.text}\n", TEXT
        case "srt" | "vtt":
            from common.text.subtitles import render

            return render(transcript, ask.format), TEXT


def _json(value: dict[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _short(transcript: Transcript, ask: OpenAIRequest) -> dict[str, Any]:
    return {"text": transcript.text, **_usage(transcript, ask)}


def _verbose(transcript: Transcript, ask: OpenAIRequest) -> dict[str, Any]:
    translated = ask.options.task == "translate"
    told: dict[str, Any] = {
        "task": ask.options.task,
        "language": "english" if translated else name_of(transcript.language or ""),
        "duration": round(transcript.duration, 3),
        "text": transcript.text,
    }
    if "word" in ask.granularities:
        told["words"] = [_word(word) for word in transcript.words or ()]
    if "segment" in ask.granularities:
        told["segments"] = [_segment(segment, ask) for segment in transcript.segments]
    return told | _usage(transcript, ask)


def _usage(transcript: Transcript, ask: OpenAIRequest) -> dict[str, Any]:
    """In whole seconds, as OpenAI counts them; translations tell none."""
    if ask.options.task == "translate":
        return {}
    return {"usage": {"type": "duration", "seconds": math.ceil(transcript.duration)}}


def _word(word: Word) -> dict[str, Any]:
    return {"word": word.word.strip(), "start": round(word.start, 3), "end": round(word.end, 3)}


def _segment(segment: Segment, ask: OpenAIRequest) -> dict[str, Any]:
    """The SDKs' types want every field, so what an engine did not tell is 0; tokens are kept by none."""
    return {
        "id": segment.id,
        "seek": round(segment.start * 100),  # in Whisper's frames of 10 ms
        "start": round(segment.start, 3),
        "end": round(segment.end, 3),
        "text": segment.text,
        "tokens": [],
        "temperature": segment.temperature or ask.options.temperature or 0.0,
        "avg_logprob": segment.avg_logprob or 0.0,
        "compression_ratio": segment.compression_ratio or _compression_ratio(segment.text),
        "no_speech_prob": segment.no_speech_prob or 0.0,
    }


def _compression_ratio(text: str) -> float:
    """As Whisper reckons it (openai/whisper, utils.py)."""
    raw = text.encode(errors="replace")
    return round(len(raw) / len(zlib.compress(raw)), 3)
