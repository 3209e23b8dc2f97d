"""When a recording goes to the engine whole, and how long its pieces are otherwise. Pure.

The measurement behind it: docs/decisions/cutting-recordings.md.
"""

from __future__ import annotations

from typing import Literal

from common.audio.prepare import PreparedAudio
from common.audio.split import PIECE_BYTES, PIECE_SECONDS, Cut, plan_cuts

# answer: a client waits for the whole text · stream: it reads the text as it comes · job: pieces are kept,
# and watchers see the text as it comes
Use = Literal["answer", "stream", "job"]

# Seconds of a long recording's first piece, so that its text comes early.
FIRST_SECONDS = 120.0

# A recording of so few bytes a second may be mostly silence; of its pieces, silent ones are not sent.
_FEW_BYTES = 1_200


def cuts_for(use: Use, audio: PreparedAudio, *, engine_streams: bool, most_seconds: float) -> tuple[Cut, ...]:
    """The cut plan; the engine takes `most_seconds` in one request, and `PIECE_BYTES`."""
    comes_early = engine_streams or use == "answer"  # whole, the text comes as early as it can
    if use != "job" and comes_early and _fits(audio, most_seconds):
        return (Cut(0, 0.0, None, "whole"),)
    first = None if comes_early else min(FIRST_SECONDS, most_seconds)
    return plan_cuts(audio, piece_seconds=min(PIECE_SECONDS, most_seconds), first_seconds=first)


def _fits(audio: PreparedAudio, most_seconds: float) -> bool:
    is_dense = audio.duration <= PIECE_SECONDS or audio.size_bytes >= _FEW_BYTES * audio.duration
    return is_dense and audio.duration <= most_seconds and audio.size_bytes <= PIECE_BYTES
