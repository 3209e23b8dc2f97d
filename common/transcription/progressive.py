"""A whole recording for a client that reads the text while it is transcribed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from common.models import Options, Piece, Transcript
from common.places import Take
from common.services import Services
from common.transcription.incremental import IncrementalText
from common.transcription.piece import PartialPiece
from common.transcription.pipeline import prepare_recording, suppress_hallucinations, transcribe_pieces

OnText = Callable[[str], None]


async def transcribe_progressively(
    services: Services, source: Path, options: Options, take: Take, on_text: OnText
) -> str:
    """Pass on each text that no later piece can change; the whole text. It begins once `take` has a place."""
    with await take():
        return await _transcribe(services, source, options, on_text)


def repeat(kept: Transcript, on_text: OnText) -> str:
    """Pass on the segments of a kept text as they would have come, and return the whole."""
    incremental = IncrementalText([0.0], kept.duration)
    for text in incremental.append(kept):
        on_text(text)
    return incremental.text


async def _transcribe(services: Services, source: Path, options: Options, on_text: OnText) -> str:
    folder = source.parent
    ready = await prepare_recording(services, source, options, folder, use="stream")
    incremental = IncrementalText([ready.audio.start + cut.start for cut in ready.cuts], ready.duration)
    in_order = asyncio.Lock()

    async def pass_on(stretch: Transcript | None) -> None:
        if stretch:
            async with in_order:
                spoken = await suppress_hallucinations(services, ready, stretch, options)
                for text in incremental.append(spoken):
                    on_text(text)

    async def keep(piece: Piece) -> None:
        await pass_on(incremental.add_piece(piece))

    reports: list[asyncio.Task[None]] = []

    def report(part: PartialPiece) -> None:
        if stretch := incremental.add_segments(part.segments):
            reports.append(asyncio.create_task(pass_on(stretch)))

    try:
        await transcribe_pieces(services, ready, options, folder, kept={}, keep=keep, on_partial=report)
        await asyncio.gather(*reports)
    finally:
        for each in reports:
            each.cancel()
    return incremental.text
