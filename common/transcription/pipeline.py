"""A recording → its text, step by step: make it ready, cut it, hear each piece, put them together.

Someone who waits on the line and a job in the background take the same steps; a job keeps each piece.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from common.audio.loudness import measure
from common.audio.prepare import Prepared, prepare
from common.audio.probe import probe
from common.audio.split import PIECE_SECONDS, Cut, cut, plan_cuts
from common.errors import EngineMissing, EscribaError, RetryLater
from common.log import log
from common.models import Options, Piece, Transcript
from common.services import Services
from common.text.hallucinations import remove_hallucinations, worth_measuring
from common.text.merge import merge
from common.text.speech_evidence import Loudness
from common.transcription.reservation import reserve_quota

# How far a piece may lie from where it was to be cut: packets have a length.
_NEAR = 2.0


@dataclass(frozen=True, slots=True)
class PreparedRecording:
    """A recording as the engine takes it, and where it is cut for that."""

    prepared: Prepared
    cuts: tuple[Cut, ...]

    @property
    def duration(self) -> float:
        """Seconds of the whole recording, silent beginning of a film included."""
        return self.prepared.start + self.prepared.duration

    def seconds_of(self, wanted: Cut) -> float:
        """How much of the recording a cut covers."""
        return self.prepared.duration - wanted.start if wanted.length is None else wanted.length


async def prepare_recording(
    services: Services, source: Path, folder: Path, *, on_progress: Callable[[float], None] | None = None
) -> PreparedRecording:
    """Probe `source`, prepare it and plan the cuts; what is made lies in `folder`.

    `on_progress` is told the share that is done, 0 to 1. Raises AudioRefused, EngineMissing, ToolMissing.
    """
    if services.engine_problem:
        raise EngineMissing
    probed = await probe(services.ffmpeg, source, max_seconds=services.settings.max_audio_minutes * 60)

    def share(seconds: float) -> None:
        if on_progress:
            on_progress(min(1.0, seconds / probed.duration))

    prepared = await prepare(services.ffmpeg, source, probed, folder, on_progress=share)
    hour = services.settings.quota_audio_per_hour or PIECE_SECONDS  # no request may ask for more
    return PreparedRecording(prepared, plan_cuts(prepared, piece_seconds=min(PIECE_SECONDS, hour)))


def fit(kept: Iterable[Piece], ready: PreparedRecording) -> bool:
    """Whether kept pieces were cut as `ready` is: another version of us may cut elsewhere."""
    return all(piece.index < len(ready.cuts) and _fits(piece, ready) for piece in kept)


def _fits(piece: Piece, ready: PreparedRecording) -> bool:
    wanted = ready.cuts[piece.index]
    seconds = ready.seconds_of(wanted)
    apart = abs(piece.start - ready.prepared.start - wanted.start)
    return apart <= _NEAR and abs(piece.transcript.duration - seconds) <= _NEAR + 0.05 * seconds


async def transcribe_pieces(
    services: Services,
    ready: PreparedRecording,
    options: Options,
    folder: Path,
    *,
    kept: Mapping[int, Piece],
    keep: Callable[[Piece], Awaitable[None]],
) -> list[Piece]:
    """Every piece that is not among `kept`, some side by side, each handed to `keep` as it comes.

    The first that speaks is heard alone when no language was given: what it is in holds for all. When one
    fails, those under way are still heard and kept before the failure flies: their quota is spent.
    """
    pieces = dict(kept)
    missing = [wanted for wanted in ready.cuts if wanted.index not in pieces]
    options = _for_merging(options) if len(ready.cuts) > 1 else options

    async def one(wanted: Cut) -> None:
        pinned = options.model_copy(update={"language": options.language or _spoken(pieces)})
        piece = await _transcribe_piece(services, ready, wanted, pinned, folder)
        await keep(piece)
        pieces[wanted.index] = piece

    while missing and not (options.language or _spoken(pieces)):
        await one(missing.pop(0))
    await _side_by_side(missing, one, at_once=services.settings.pieces_at_once)
    return [pieces[index] for index in sorted(pieces)]


async def finish(
    services: Services, ready: PreparedRecording, pieces: list[Piece], options: Options
) -> Transcript:
    """The pieces as one transcript, without what nobody said unless that was switched off.

    What `prepare_recording` made must still be there: where there is a doubt, it is listened to.
    """
    return await guarded(services, ready, merge(pieces, duration=ready.duration), options)


async def guarded(
    services: Services, ready: PreparedRecording, transcript: Transcript, options: Options
) -> Transcript:
    """The transcript, or a stretch of it, without what nobody said."""
    if not options.guard:
        return transcript
    return remove_hallucinations(transcript, loudness=await _loudness(services, ready, transcript))


async def _loudness(services: Services, ready: PreparedRecording, transcript: Transcript) -> Loudness | None:
    """How loud it is where that would tell invented text from speech; None where nothing is in doubt."""
    if not (spans := worth_measuring(transcript)):
        return None
    try:
        return await measure(services.ffmpeg, ready.prepared, spans)
    except EscribaError as exc:  # one witness less: the others still count
        log("guard.unmeasured", level="WARNING", code=exc.code)
        return None


def _for_merging(options: Options) -> Options:
    """Word times make the seams exact; a translation has none."""
    if options.task == "translate":
        return options
    return options.model_copy(update={"timestamps": ("segment", "word")})


def _spoken(pieces: Mapping[int, Piece]) -> str | None:
    """The language of the first piece in which anything is said."""
    said = (pieces[index].transcript for index in sorted(pieces))
    return next((transcript.language for transcript in said if transcript.text), None)


async def _transcribe_piece(
    services: Services, ready: PreparedRecording, wanted: Cut, options: Options, folder: Path
) -> Piece:
    async with reserve_quota(services, ready.seconds_of(wanted)) as reservation:
        piece = await cut(services.ffmpeg, ready.prepared, wanted, folder)
        reservation.is_sent = True
        try:
            transcript = await services.engine.transcribe(
                piece.path, format=piece.format, duration=piece.duration, options=options
            )
        finally:
            if piece.path != ready.prepared.path:
                piece.path.unlink(missing_ok=True)
    return Piece(index=wanted.index, start=piece.start, transcript=transcript)


async def _side_by_side(wanted: list[Cut], one: Callable[[Cut], Awaitable[None]], *, at_once: int) -> None:
    waiting = iter(wanted)
    failures: list[Exception] = []

    async def work() -> None:
        for each in waiting:  # shared: each cut is taken by one worker
            if failures:
                return
            try:
                await one(each)
            except Exception as exc:  # noqa: BLE001 - it flies once the others are done
                failures.append(exc)

    async with asyncio.TaskGroup() as group:
        for _ in range(at_once):
            group.create_task(work())
    if failures:
        # A refusal says more than a wait: the job will end the same way however long it waits.
        raise next((exc for exc in failures if not isinstance(exc, RetryLater)), failures[0])
