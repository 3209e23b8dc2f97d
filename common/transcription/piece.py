"""One piece of a recording → its text: cut it, send it to the engine, and check its language.

An engine that tells the language of each segment decides itself. Others, Groq among them, take or detect one
language for the whole piece: where several are allowed they get it once for each, and each stretch is taken
from the transcript that is most certain there. A language that no piece before had is checked.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

from common.audio.prepare import PreparedAudio
from common.audio.silence import is_silent
from common.audio.split import Cut, PieceFile, cut_piece
from common.errors import EscribaError, RetryLater
from common.log import log
from common.models import Options, Piece, Segment, Transcript
from common.services import Services
from common.text.certainty import certainty, weave
from common.text.tokens import join
from common.transcription.audio_warnings import silent_transcript
from common.transcription.reservation import Reservation, reserve_quota


@dataclass(frozen=True, slots=True)
class PartialPiece:
    """A piece while the engine transcribes it: its segments so far, of `duration` seconds in all."""

    index: int
    start: float
    duration: float
    segments: Sequence[Segment]

    @property
    def seconds(self) -> float:
        """How much of the piece is transcribed."""
        return min(self.segments[-1].end, self.duration)

    @property
    def text(self) -> str:
        return join(segment.text for segment in self.segments)


OnPartial = Callable[[PartialPiece], None]


async def transcribe_piece(
    services: Services,
    audio: PreparedAudio,
    cut: Cut,
    options: Options,
    folder: Path,
    *,
    expected: str | None,
    on_partial: OnPartial | None = None,
) -> Piece:
    """`expected` is the language of most of the text so far, if there is any.

    `on_partial` gets the piece each time an engine that streams has one more segment.
    """
    requests = _requests(services, options)
    seconds = audio.duration - cut.start if cut.length is None else cut.length
    async with AsyncExitStack() as stack:
        # All of the quota, or none: half of the answers would be paid for in vain.
        reservations = [await stack.enter_async_context(reserve_quota(services, seconds)) for _ in requests]
        file = await cut_piece(services.ffmpeg, audio, cut, folder)
        if file.path != audio.path:
            stack.callback(file.path.unlink, missing_ok=True)
        if await is_silent(services.ffmpeg, file):  # the quota is refunded, since nothing is sent
            return Piece(index=cut.index, start=file.start, transcript=silent_transcript(file, options))
        # Of several answers, none is the piece's text yet.
        report = on_partial if len(requests) == 1 else None
        answers = [
            await _send(services, file, request, reservation, report)
            for request, reservation in zip(requests, reservations, strict=True)
        ]
        transcript = weave(answers) if len(answers) > 1 else answers[0]
        if _is_doubtful(transcript, options, expected):
            transcript = await _check_language(services, file, options, transcript, expected)
    return Piece(index=cut.index, start=file.start, transcript=transcript)


def _requests(services: Services, options: Options) -> list[Options]:
    """One for each language that is allowed, where the engine takes one language only."""
    if services.engine.is_embedded or options.task == "translate" or not options.languages:
        return [options]
    return [options.model_copy(update={"language": language}) for language in options.languages]


async def _send(
    services: Services,
    file: PieceFile,
    options: Options,
    reservation: Reservation,
    on_partial: OnPartial | None = None,
) -> Transcript:
    def report(segments: Sequence[Segment]) -> None:
        if on_partial:
            on_partial(PartialPiece(file.index, file.start, file.duration, segments))

    reservation.is_sent = True
    with services.counters.count_piece(services.settings.engine, file.duration):
        transcript = await services.engine.transcribe(
            file.path,
            format=file.format,
            duration=file.duration,
            options=options,
            on_segments=report if on_partial else None,
        )
    reservation.is_answered = True
    services.count_usage("audioSeconds", file.duration)
    return transcript


def _is_doubtful(transcript: Transcript, options: Options, expected: str | None) -> bool:
    """Whether the engine detected one language for all, and another than the pieces before had."""
    tells = any(segment.language for segment in transcript.segments)
    is_open = not (options.language or options.languages or tells or options.task == "translate")
    return is_open and bool(transcript.text) and expected not in {None, transcript.language}


async def _check_language(
    services: Services, file: PieceFile, options: Options, transcript: Transcript, expected: str | None
) -> Transcript:
    """The transcript, or that in the expected language if the engine is more certain of it.

    The check is worth one request, but no waiting and no failure.
    """
    expected_options = options.model_copy(update={"language": expected})
    try:
        async with reserve_quota(services, file.duration) as reservation:
            other = await _send(services, file, expected_options, reservation)
    except (RetryLater, EscribaError) as exc:
        log("language.unchecked", level="WARNING", reason=type(exc).__name__)
        return transcript
    return other if certainty(other) >= certainty(transcript) else transcript
