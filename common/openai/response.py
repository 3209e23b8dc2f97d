"""A transcript as OpenAI's audio API writes it; names and shapes are OpenAI's, not ours.

https://platform.openai.com/docs/api-reference/audio/verbose-json-object
"""

from __future__ import annotations

import json
import math
import re
import zlib
from collections.abc import Sequence
from typing import Any

from common.errors import Language
from common.models import Segment, Transcript, Word
from common.openai.request import OpenAIRequest
from common.text.languages import name_of
from common.text.speakers import names_of
from common.text.spoken_languages import languages_of
from common.warnings import warning_view

JSON = "application/json"
# OpenAI's server sends srt and vtt as plain text, too; the SDKs return all three as a string.
TEXT = "text/plain; charset=utf-8"

# A stranger's names of fields, in a header.
_UNSAFE = re.compile(r"[^A-Za-z0-9_.-]")
_LONGEST_NAME = 40
_MOST_NAMES = 20


def write_response(
    transcript: Transcript, request: OpenAIRequest, *, request_id: str, language: Language
) -> tuple[str, str]:
    """The body and its media type; warnings are in `language`. Groq's clients need `x_groq`."""
    x_groq = {"x_groq": {"id": request_id}}
    match request.format:
        case "json":
            return _json(_short(transcript, request) | x_groq), JSON
        case "verbose_json":
            return _json(_verbose(transcript, request, language) | x_groq), JSON
        case "diarized_json":
            return _json(_diarized(transcript, request, language) | x_groq), JSON
        case "text":
            return f"{transcript.text}\n", TEXT
        case "srt" | "vtt":
            from common.text.subtitles import render

            return render(transcript, request.format), TEXT


def ignored_header(names: Sequence[str]) -> dict[str, str]:
    """The header that names the fields of the request that changed nothing; none without such fields."""
    safe = (_UNSAFE.sub("?", name)[:_LONGEST_NAME] for name in names[:_MOST_NAMES])
    return {"X-Escriba-Ignored": ", ".join(safe)} if names else {}


def _json(value: dict[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _short(transcript: Transcript, request: OpenAIRequest) -> dict[str, Any]:
    return {"text": transcript.text, **_usage(transcript, request)}


def _verbose(transcript: Transcript, request: OpenAIRequest, language: Language) -> dict[str, Any]:
    is_translation = request.options.task == "translate"
    fields: dict[str, Any] = {
        "task": request.options.task,
        "language": "english" if is_translation else name_of(transcript.language or ""),
        "languages": languages_of(transcript),  # ours: the codes of all that are spoken
        "duration": round(transcript.duration, 3),
        "text": transcript.text,
        "model": transcript.model,  # the one that ran, whatever the request named
    }
    if "word" in request.granularities:
        fields["words"] = [_word(word) for word in transcript.words or ()]
    if "segment" in request.granularities:
        fields["segments"] = [_segment(segment, request) for segment in transcript.segments]
    if transcript.warnings:  # a field of ours; OpenAI's has none
        fields["warnings"] = [warning_view(warning, language) for warning in transcript.warnings]
    return fields | _usage(transcript, request)


def _diarized(transcript: Transcript, request: OpenAIRequest, language: Language) -> dict[str, Any]:
    """https://platform.openai.com/docs/api-reference/audio/diarized-json-object"""
    names = names_of(transcript)
    fields: dict[str, Any] = {
        "task": request.options.task,
        "duration": round(transcript.duration, 3),
        "text": transcript.text,
        "segments": [
            {
                "type": "transcript.text.segment",
                "id": f"seg_{segment.id:03d}",
                "start": round(segment.start, 3),
                "end": round(segment.end, 3),
                "text": segment.text,
                "speaker": names.get(segment.speaker or "", ""),
            }
            for segment in transcript.segments
        ],
    }
    if transcript.warnings:  # ours
        fields["warnings"] = [warning_view(warning, language) for warning in transcript.warnings]
    return fields | _usage(transcript, request)


def _usage(transcript: Transcript, request: OpenAIRequest) -> dict[str, Any]:
    """In whole seconds, as OpenAI counts; a translation has none."""
    if request.options.task == "translate":
        return {}
    return {"usage": {"type": "duration", "seconds": math.ceil(transcript.duration)}}


def _word(word: Word) -> dict[str, Any]:
    return {"word": word.word.strip(), "start": round(word.start, 3), "end": round(word.end, 3)}


def _segment(segment: Segment, request: OpenAIRequest) -> dict[str, Any]:
    """The SDKs' types need every field, so what the engine did not send is 0; no engine sends tokens."""
    return {
        "id": segment.id,
        "seek": round(segment.start * 100),  # in Whisper's frames of 10 ms
        "start": round(segment.start, 3),
        "end": round(segment.end, 3),
        "text": segment.text,
        "tokens": [],
        "temperature": segment.temperature or request.options.temperature or 0.0,
        "avg_logprob": segment.avg_logprob or 0.0,
        "compression_ratio": segment.compression_ratio or _compression_ratio(segment.text),
        "no_speech_prob": segment.no_speech_prob or 0.0,
        "language": segment.language,  # ours
        **({"speaker": segment.speaker} if segment.speaker else {}),  # ours
    }


def _compression_ratio(text: str) -> float:
    """As Whisper computes it (openai/whisper, utils.py)."""
    raw = text.encode(errors="replace")
    return round(len(raw) / len(zlib.compress(raw)), 3)
