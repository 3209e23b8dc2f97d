"""A recording → its transcript: prepare it, plan the cuts, transcribe each piece, merge the pieces.

A request that waits for its answer and a background job take the same steps; a job also keeps each piece.
"""

from __future__ import annotations

import asyncio
import math
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from common.audio.loudness import measure_loudness
from common.audio.prepare import PreparedAudio, prepare
from common.audio.probe import probe
from common.audio.raw import add_header, parse_raw_format
from common.audio.split import Cut
from common.errors import EngineMissing, EscribaError, RetryLater
from common.log import log
from common.models import Options, Piece, Transcript, TranscriptWarning
from common.services import Services
from common.text.hallucinations import remove_hallucinations, spans_to_measure
from common.text.merge import merge
from common.text.speech_evidence import Loudness
from common.transcription.audio_warnings import warnings_of
from common.transcription.cut_rule import Use, cuts_for
from common.transcription.option_rules import with_word_times
from common.transcription.piece import OnPartial, transcribe_piece

# Seconds that a piece may start or end away from its cut, since a packet cannot be divided.
_CUT_TOLERANCE = 2.0

_FREE_HOUR = 7_200.0  # seconds of audio that Groq allows an hour for free


@dataclass(frozen=True, slots=True)
class PreparedRecording:
    """The audio that the engine gets, and its cut plan."""

    audio: PreparedAudio
    cuts: tuple[Cut, ...]
    warnings: tuple[TranscriptWarning, ...] = ()

    @property
    def duration(self) -> float:
        """Seconds of the whole recording, a film's silent beginning included."""
        return self.audio.start + self.audio.duration

    def seconds_of(self, cut: Cut) -> float:
        """How much of the recording a cut covers."""
        return self.audio.duration - cut.start if cut.length is None else cut.length

    def share_of(self, seconds: Mapping[int, float]) -> float:
        """The share of the recording, 0 to 1, that so many seconds of each piece are."""
        return sum(seconds.values()) / sum(self.seconds_of(cut) for cut in self.cuts)


async def prepare_recording(
    services: Services,
    source: Path,
    options: Options,
    folder: Path,
    *,
    use: Use,
    on_progress: Callable[[float], None] | None = None,
) -> PreparedRecording:
    """Probe `source`, prepare the track that `options` choose, and plan the cuts; new files are in `folder`.

    `on_progress` gets the share that is done, 0 to 1. Raises AudioRefused, EngineMissing, ToolMissing.
    """
    if services.engine_problem:
        raise EngineMissing
    source = await _with_header(services, source, options, folder)
    max_seconds, request = services.settings.max_audio_minutes * 60, options.tracks or options.track
    probe_result = await probe(services.ffmpeg, source, max_seconds=max_seconds, track=request)

    def report_share(seconds: float) -> None:
        if on_progress:
            on_progress(min(1.0, seconds / probe_result.duration))

    audio = await prepare(services.ffmpeg, source, probe_result, folder, on_progress=report_share)
    cuts = cuts_for(
        use, audio, engine_streams=services.engine.is_embedded, most_seconds=_most_seconds(services)
    )
    return PreparedRecording(audio, cuts, warnings_of(probe_result, is_requested=request is not None))


def _most_seconds(services: Services) -> float:
    """No single request may exceed the quota of an hour."""
    if hour := services.settings.quota_audio_per_hour:
        return hour
    return _FREE_HOUR if services.quota else math.inf


async def _with_header(services: Services, source: Path, options: Options, folder: Path) -> Path:
    """The recording, which gets a header if the options say how to read it without one."""
    raw = parse_raw_format(options.input_format or "")
    if raw is None:
        return source
    return await add_header(
        services.ffmpeg, source, raw, folder, max_seconds=services.settings.max_audio_minutes * 60
    )


def are_pieces_reusable(pieces: Iterable[Piece], recording: PreparedRecording) -> bool:
    """Whether pieces of an earlier run follow this cut plan: another version of Escriba may cut elsewhere."""
    return all(piece.index < len(recording.cuts) and _follows_cut(piece, recording) for piece in pieces)


def _follows_cut(piece: Piece, recording: PreparedRecording) -> bool:
    cut = recording.cuts[piece.index]
    seconds = recording.seconds_of(cut)
    start_error = abs(piece.start - recording.audio.start - cut.start)
    duration_error = abs(piece.transcript.duration - seconds)
    return start_error <= _CUT_TOLERANCE and duration_error <= _CUT_TOLERANCE + 0.05 * seconds


async def transcribe_pieces(
    services: Services,
    recording: PreparedRecording,
    options: Options,
    folder: Path,
    *,
    kept: Mapping[int, Piece],
    keep: Callable[[Piece], Awaitable[None]],
    on_partial: OnPartial | None = None,
) -> list[Piece]:
    """Transcribe every piece that is not among `kept`, some at once; `keep` gets each as it is done.

    `on_partial` gets what an engine that streams has of a piece, each time that there is more.
    Where the options name no language, pieces go one by one until one has text: its language is what the
    others are compared with. When a piece fails, those under way are finished and kept before its exception
    is raised: they have used up quota.
    """
    pieces = dict(kept)
    missing = [cut for cut in recording.cuts if cut.index not in pieces]
    needs_words = len(recording.cuts) > 1 or options.speakers
    options = with_word_times(options) if needs_words else options

    async def transcribe(cut: Cut) -> None:
        expected = _main_language(pieces)
        piece = await transcribe_piece(
            services, recording.audio, cut, options, folder, expected=expected, on_partial=on_partial
        )
        await keep(piece)
        pieces[cut.index] = piece

    while missing and not (options.language or _main_language(pieces)):
        await transcribe(missing.pop(0))
    await _transcribe_at_once(missing, transcribe, limit=services.settings.pieces_at_once)
    return [pieces[index] for index in sorted(pieces)]


async def merge_pieces(
    services: Services, recording: PreparedRecording, pieces: list[Piece], options: Options
) -> Transcript:
    """The pieces as one transcript, without hallucinations unless `options.guard` is off.

    The files of `prepare_recording` must still exist: doubtful lines are measured in them.
    """
    transcript = merge(pieces, duration=recording.duration)
    warnings = (*recording.warnings, *transcript.warnings)
    transcript = transcript.model_copy(update={"warnings": warnings})
    return await suppress_hallucinations(services, recording, transcript, options)


async def suppress_hallucinations(
    services: Services, recording: PreparedRecording, transcript: Transcript, options: Options
) -> Transcript:
    """The transcript, or a part of one, without hallucinations unless `options.guard` is off."""
    if not options.guard:
        return transcript
    loudness = await _measure_doubts(services, recording, transcript)
    return remove_hallucinations(transcript, loudness=loudness)


async def _measure_doubts(
    services: Services, recording: PreparedRecording, transcript: Transcript
) -> Loudness | None:
    """The loudness of the lines in doubt; None if there are none or if it cannot be measured."""
    if not (spans := spans_to_measure(transcript)):
        return None
    try:
        return await measure_loudness(services.ffmpeg, recording.audio, spans)
    except EscribaError as exc:  # one kind of evidence less; the engine's own doubts still count
        log("guard.unmeasured", level="WARNING", code=exc.code)
        return None


def _main_language(pieces: Mapping[int, Piece]) -> str | None:
    """The language of most of the text so far."""
    letters: Counter[str] = Counter()
    for piece in pieces.values():
        if language := piece.transcript.language:
            letters[language] += len(piece.transcript.text.strip())
    return max((code for code in letters if letters[code]), key=letters.__getitem__, default=None)


async def _transcribe_at_once(
    cuts: list[Cut], transcribe: Callable[[Cut], Awaitable[None]], *, limit: int
) -> None:
    """Transcribe the cuts in order, at most `limit` at once; none starts after the first failure."""
    remaining = iter(cuts)
    failures: list[Exception] = []

    async def work() -> None:
        for cut in remaining:  # shared by all workers: each cut goes to one of them
            if failures:
                return
            try:
                await transcribe(cut)
            except Exception as exc:  # noqa: BLE001 - raised below, once the other workers have finished
                failures.append(exc)

    async with asyncio.TaskGroup() as group:
        for _ in range(limit):
            group.create_task(work())
    if failures:
        # Any other failure goes before RetryLater: it would end the job after the wait as well.
        raise next((exc for exc in failures if not isinstance(exc, RetryLater)), failures[0])
