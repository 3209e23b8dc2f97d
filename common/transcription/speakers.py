"""Distinguishes the speakers of a transcript: listens stretch by stretch, then groups the voices of all.

The transcript is there before, and stays as it is where that fails.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator, Mapping
from itertools import pairwise, repeat
from pathlib import Path

from common.active_work import ActiveWork
from common.audio.child import Bounds
from common.audio.decoding import TO_PCM
from common.audio.prepare import PreparedAudio
from common.audio.split import Cut, cut_piece, plan_cuts
from common.errors import EscribaError
from common.log import log
from common.models import Options, Transcript, TranscriptWarning
from common.services import Services
from common.speakers.giving_way import give_way
from common.speakers.labels import label_speakers, spoken_tokens
from common.speakers.process import assign, embed
from common.speakers.range import range_of
from common.speakers.records import is_current
from common.speakers.stretch import stretch_of
from common.speakers.windows import Span
from common.text.lines import Token
from common.text.speakers import names_of
from common.transcription.pipeline import PreparedRecording

_OVERLAP = 2.0  # seconds: a window that begins before the end of its stretch lies wholly within it
_MOST_UNWRITTEN = 5.0  # seconds of speech without words that need no warning
_SAMPLES = "asetnsamples=n=8192:p=0"  # as in `common.audio.decoding`

Keep = Callable[[int, bytes], Awaitable[None]]
OnShare = Callable[[float], None]


async def keep_nothing(index: int, packed: bytes) -> None:
    """A client that waits for its response sends the whole recording again after a failure."""


async def add_speakers(
    services: Services,
    recording: PreparedRecording,
    transcript: Transcript,
    options: Options,
    folder: Path,
) -> Transcript:
    """The transcript with speakers if `options` want them; if that fails, as it was, with a warning."""
    seconds = services.settings.speakers_timeout
    try:
        return await find_speakers(services, recording, transcript, options, folder, seconds=seconds)
    except (EscribaError, TimeoutError) as exc:
        return without_speakers(transcript, exc)


async def find_speakers(
    services: Services,
    recording: PreparedRecording,
    transcript: Transcript,
    options: Options,
    folder: Path,
    *,
    seconds: float,
    kept: Mapping[int, bytes] | None = None,
    keep: Keep = keep_nothing,
    on_share: OnShare = lambda _: None,
) -> Transcript:
    """The transcript with speakers if `options` want them. Raises EscribaError, TimeoutError after `seconds`.

    `kept` is what was heard of stretches that an earlier run kept; `keep` gets the others as they are made.
    """
    if not options.speakers:
        return transcript
    async with asyncio.timeout(seconds):
        packed = await listen(
            services, recording, transcript, folder, kept=kept or {}, keep=keep, on_share=on_share
        )
        return await assign_speakers(services.active, transcript, packed, options, folder)


def has_words(transcript: Transcript) -> bool:
    return any(spoken_tokens(transcript))


async def listen(
    services: Services,
    recording: PreparedRecording,
    transcript: Transcript,
    folder: Path,
    *,
    kept: Mapping[int, bytes],
    keep: Keep,
    on_share: OnShare,
) -> bytes:
    """What is heard of who speaks, with words or without, as it is kept. Raises EscribaError."""
    with services.active.listen():
        listener = _Listener(services, recording.audio, folder, on_share)
        return await listener.listen(_spans_of(spoken_tokens(transcript)), kept, keep)


def without_speakers(transcript: Transcript, error: EscribaError | TimeoutError) -> Transcript:
    """The transcript as it was, with a warning that its speakers could not be found."""
    log("speakers.failed", level="WARNING", code=getattr(error, "code", "timeout"))
    return _with_warning(transcript, "speakers_failed")


class _Listener:
    """Embeds the speech of a recording, a stretch of at most ten minutes at a time."""

    def __init__(self, services: Services, audio: PreparedAudio, folder: Path, on_share: OnShare) -> None:
        self._ffmpeg, self._audio, self._folder, self._on_share = services.ffmpeg, audio, folder, on_share
        self._beside = give_way(services.active)

    async def listen(self, words: list[Span], kept: Mapping[int, bytes], keep: Keep) -> bytes:
        cuts = plan_cuts(self._audio, overlap=_OVERLAP)
        packed: list[bytes] = []
        for cut in cuts:
            stretch = kept.get(cut.index)
            if stretch is None or not is_current(stretch):
                stretch = await self._embed(cut, cuts, words)
                await keep(cut.index, stretch)
            packed.append(stretch)
            self._on_share((cut.index + 1) / len(cuts))
        return b"".join(packed)

    async def _embed(self, cut: Cut, cuts: tuple[Cut, ...], words: list[Span]) -> bytes:
        def report(share: float) -> None:
            self._on_share((cut.index + share) / len(cuts))

        pcm = self._folder / f"speakers-{cut.index:04d}.pcm"
        try:
            at = await self._decode(cut, pcm)
            start, end = self._own_part(cut, cuts)
            stretch = stretch_of(words, at=at, start=start, end=end)
            return await embed(pcm, stretch, on_share=report, beside=self._beside)
        finally:
            pcm.unlink(missing_ok=True)

    def _own_part(self, cut: Cut, cuts: tuple[Cut, ...]) -> tuple[float, float]:
        """From this cut to the next."""
        is_last = cut.index == len(cuts) - 1
        end = float("inf") if is_last else self._audio.start + cuts[cut.index + 1].start
        return self._audio.start + cut.start if cut.index else float("-inf"), end

    async def _decode(self, cut: Cut, pcm: Path) -> float:
        """Write the samples of a stretch; the recording's second where they begin."""
        piece = await cut_piece(self._ffmpeg, self._audio, cut, self._folder)
        try:
            bounds = Bounds.of_cpu(
                10 + piece.duration / 25, output_bytes=round(piece.duration * 33_000) + 2**16
            )
            await self._ffmpeg.run(
                piece.path, "", f"-map 0:a:0 -af {_SAMPLES} {TO_PCM}", bounds=bounds, output=pcm
            )
        finally:
            if piece.path != self._audio.path:
                piece.path.unlink(missing_ok=True)
        return piece.start


def _spans_of(lines: list[list[Token]]) -> list[Span]:
    return [Span(token.start, token.end) for line in lines for token in line]


async def assign_speakers(
    active: ActiveWork, transcript: Transcript, packed: bytes, options: Options, folder: Path
) -> Transcript:
    """The transcript with the speakers of what was heard. Raises SpeakersFailed."""
    lines = spoken_tokens(transcript)
    words = _spans_of(lines)
    if not words and not packed:  # nobody was heard
        return transcript
    request = folder / "speakers.request"
    try:
        request.write_bytes(json.dumps(words).encode() + b"\n" + packed)
        least, most = range_of(options.speakers)
        with active.listen():
            beside = give_way(active)
            *found_lines, found = await assign(request, least=least, most=most, beside=beside)
    finally:
        request.unlink(missing_ok=True)
    changes = [line for line in found_lines if len(line) == 2]
    wordless = [line for line in found_lines if len(line) == 3]
    speakers = list(_speakers_of(changes, len(words)))
    labelled = label_speakers(transcript, lines, speakers, wordless)
    if found["doubt"] and names_of(labelled):
        labelled = _with_warning(labelled, "speakers_doubtful")
    if found["unwritten"] > _MOST_UNWRITTEN:
        labelled = _with_warning(labelled, "speech_without_words", seconds=round(found["unwritten"]))
    return labelled


def _speakers_of(changes: list[tuple[int, int]], count: int) -> Iterator[int]:
    """The speaker of each word, from where they change."""
    for (first, speaker), (end, _) in pairwise([*changes, (count, 0)]):
        yield from repeat(speaker, end - first)


def _with_warning(transcript: Transcript, code: str, **details: float) -> Transcript:
    warnings = (*transcript.warnings, TranscriptWarning(code=code, details={**details}))
    return transcript.model_copy(update={"warnings": warnings})
