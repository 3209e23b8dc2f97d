"""Reads a transcription that an engine streams: its segments as they come, then the whole answer.

The events are those of OpenAI's `stream=true`; `transcript.text.done` has all fields of verbose_json.
https://platform.openai.com/docs/api-reference/audio/transcript-text-segment-event
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

from common.errors import EngineBroken
from common.groq.response import parse_segments
from common.models import Segment

MEDIA_TYPE = "text/event-stream"

# Gets all segments so far, in order, each time there is one more.
OnSegments = Callable[[Sequence[Segment]], None]


async def read_events(blocks: AsyncIterator[bytes], on_segments: OnSegments, *, max_bytes: int) -> bytes:
    """The JSON of the whole answer. Raises EngineBroken where none comes."""
    segments: list[Segment] = []
    async for event in _events(blocks, max_bytes):
        match event.get("type"):
            case "transcript.text.segment":
                segments += parse_segments([event], first=len(segments))
                on_segments(segments)
            case "transcript.text.done":
                return json.dumps(event).encode()
            case None if "error" in event:
                break
    raise EngineBroken(reason="a stream without an end")


async def _events(blocks: AsyncIterator[bytes], max_bytes: int) -> AsyncIterator[dict[str, Any]]:
    """The JSON of each event; comments and other fields are skipped."""
    buffer, received = b"", 0
    async for block in blocks:
        received += len(block)
        if received > max_bytes:
            raise EngineBroken(reason="an endless answer")
        *lines, buffer = (buffer + block).replace(b"\r\n", b"\n").split(b"\n")
        for line in lines:
            if line.startswith(b"data:"):
                yield _parse(line.removeprefix(b"data:"))


def _parse(data: bytes) -> dict[str, Any]:
    try:
        event = json.loads(data)
    except (ValueError, RecursionError) as exc:
        raise EngineBroken(reason="an event that is not JSON") from exc
    return event if isinstance(event, dict) else {}
