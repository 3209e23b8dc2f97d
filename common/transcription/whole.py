"""A whole recording in one go, for a client that waits for its text."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from common.models import Options, Piece, Transcript
from common.places import Take
from common.services import Services
from common.transcription.pipeline import merge_pieces, prepare_recording, transcribe_pieces
from common.transcription.speakers import add_speakers


async def transcribe_whole(
    services: Services,
    source: Path,
    options: Options,
    take: Take,
    *,
    on_stage: Callable[[str], None] = lambda _: None,
) -> Transcript:
    """The text of `source`, once `take` has a place for it. New files are in the folder of `source`.

    `on_stage` gets the name of each stage as it ends.
    """
    folder = source.parent
    with await take():
        on_stage("wait")
        recording = await prepare_recording(services, source, options, folder, use="answer")
        on_stage("prepare")
        pieces = await transcribe_pieces(services, recording, options, folder, kept={}, keep=keep_nothing)
        on_stage("recognise")
        transcript = await merge_pieces(services, recording, pieces, options)
        transcript = await add_speakers(services, recording, transcript, options, folder)
        if options.speakers:
            on_stage("speakers")
        return transcript


async def keep_nothing(piece: Piece) -> None:
    """A client that waits for its response sends the whole recording again after a failure."""
