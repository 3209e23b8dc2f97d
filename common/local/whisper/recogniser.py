"""Turns a recording into words with faster-whisper: one at a time, piece by piece, off the event loop.

A piece at a time keeps the memory of an hour to that of a few minutes. The language that the first spoken
window is found to be in holds for the rest, and no window is prompted with what came before it: that is
how repetitions spread.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from common.errors import EngineMissing
from common.local.whisper import decoder, weights
from common.models import Task

if TYPE_CHECKING:
    from faster_whisper import WhisperModel
    from faster_whisper.transcribe import Segment

    from common.local.whisper.decoder import Samples

_PIECE = 150.0  # seconds: five of Whisper's windows
_LONGEST = 4 * 3600.0
_TEMPERATURES = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)  # tried in turn while the text looks wrong, as Whisper does
_WHISPERS_OWN = {"jv": "jw"}  # its tokenizer's name for Javanese


class Stopped(Exception):
    """Nobody waits for this recording any more."""


@dataclass(frozen=True, slots=True)
class DecodingOptions:
    """What is asked of a recording. `language` is an ISO 639-1 code, or None to have it detected."""

    language: str | None = None
    task: Task = "transcribe"
    prompt: str | None = None
    temperature: float = 0.0
    words: bool = False


@dataclass(frozen=True, slots=True)
class RecognisedWord:
    """Times in seconds from the start of the recording."""

    word: str
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class RecognisedSegment:
    """Times in seconds from the start of the recording; `seek` is in hundredths, as Whisper has it."""

    id: int
    seek: int
    start: float
    end: float
    text: str
    tokens: tuple[int, ...]
    temperature: float
    avg_logprob: float
    compression_ratio: float
    no_speech_prob: float
    words: tuple[RecognisedWord, ...] = ()


@dataclass(frozen=True, slots=True)
class Recognised:
    """What was said. `duration` is measured, in seconds; `language` a code of Whisper's, None for silence.

    `language_probability`, 0 to 1, is that of a language which was found; None where it was asked for.
    """

    task: Task
    language: str | None
    duration: float
    segments: tuple[RecognisedSegment, ...]
    language_probability: float | None = None

    @property
    def text(self) -> str:
        return "".join(segment.text for segment in self.segments)


class Recogniser:
    """Hears one recording at a time; others wait in order. The model is loaded by the first and kept.

    `cache` is where the weights are joined, `model` a folder or hub name to use instead, `threads` those of
    the processor (default: all that this process may use), `longest` what is refused beyond, in seconds.
    """

    def __init__(
        self,
        cache: Path,
        *,
        model: str | None = None,
        threads: int | None = None,
        beam_size: int = 5,
        longest: float = _LONGEST,
    ) -> None:
        self._cache, self._model_name, self._threads = cache, model, threads
        self._beam_size, self._longest = beam_size, longest
        self._model: WhisperModel | None = None
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="recogniser")
        self._closing = threading.Event()

    async def recognise(self, recording: BinaryIO, wish: DecodingOptions) -> Recognised:
        """What is said in `recording`, which is taken over and closed here, whatever happens.

        When the caller is cancelled, the work ends at the next segment. Raises AudioRefused where the
        recording is at fault, EngineMissing where the `local` extra is, Stopped after `close`.
        """
        unwanted = threading.Event()
        work = self._submit(recording, wish, unwanted)
        try:
            return await asyncio.wrap_future(work)
        finally:
            unwanted.set()

    def close(self) -> None:
        """End the recording in hand at its next segment, forget those that wait, and take no more."""
        self._closing.set()
        self._worker.shutdown(wait=True, cancel_futures=True)

    def _submit(
        self, recording: BinaryIO, wish: DecodingOptions, unwanted: threading.Event
    ) -> Future[Recognised]:
        try:
            work = self._worker.submit(self._hear, recording, wish, unwanted)
        except RuntimeError as exc:  # what an executor says once it is shut down
            recording.close()
            raise Stopped from exc
        work.add_done_callback(lambda _: recording.close())
        return work

    def _hear(self, recording: BinaryIO, wish: DecodingOptions, unwanted: threading.Event) -> Recognised:
        def check() -> None:
            if unwanted.is_set() or self._closing.is_set():
                raise Stopped

        duration = decoder.measure(recording, longest=self._longest, check=check)
        ear = _Ear(self._loaded(), wish, self._beam_size)
        segments: list[RecognisedSegment] = []
        for piece in decoder.pieces(recording, longest=_PIECE, check=check):
            for segment in ear.segments(piece):
                check()
                segments.append(replace(segment, id=len(segments)))
        return Recognised(wish.task, ear.language, duration, tuple(segments), ear.language_probability)

    def _loaded(self) -> WhisperModel:
        if self._model is None:
            self._model = _load(self._cache, self._model_name, self._threads or _processors())
        return self._model


class _Ear:
    """Hears the pieces of one recording in order, and keeps the language that it found."""

    def __init__(self, model: WhisperModel, wish: DecodingOptions, beam_size: int) -> None:
        self._model, self._wish, self._beam_size = model, wish, beam_size
        self.language = wish.language
        self.language_probability: float | None = None

    def segments(self, piece: decoder.Window) -> Iterator[RecognisedSegment]:
        from faster_whisper.transcribe import restore_speech_timestamps
        from faster_whisper.vad import collect_chunks, get_speech_timestamps

        # The library's own vad_filter does these three steps too, but would then guess the language of
        # a piece in which nobody speaks.
        spoken = get_speech_timestamps(piece.samples)
        if not spoken:
            return
        chunks, _ = collect_chunks(piece.samples, spoken)
        found = restore_speech_timestamps(self._recognised(chunks), spoken, decoder.RATE)
        for segment in found:
            yield _shifted(segment, piece.start)

    def _recognised(self, chunks: list[Samples]) -> Iterable[Segment]:
        import numpy as np

        wish = self._wish
        found: Iterable[Segment]
        found, about = self._model.transcribe(
            np.concatenate(chunks),
            language=_token_for(self.language, self._model),
            task=wish.task,
            beam_size=self._beam_size,
            temperature=wish.temperature or _TEMPERATURES,
            initial_prompt=wish.prompt,
            condition_on_previous_text=False,
            word_timestamps=wish.words,
        )
        if self.language is None:
            self.language, self.language_probability = about.language, about.language_probability
        return found


def _token_for(language: str | None, model: WhisperModel) -> str | None:
    """The name that this model has for a language; Cantonese is Chinese to those older than large-v3."""
    if language is None:
        return None
    names = (_WHISPERS_OWN.get(language, language), "zh", "en")  # the last for models of English only
    return next(name for name in names if model.hf_tokenizer.token_to_id(f"<|{name}|>") is not None)


def _shifted(segment: Segment, start: float) -> RecognisedSegment:
    def at(seconds: float) -> float:
        return round(start + seconds, 2)

    return RecognisedSegment(
        id=0,
        seek=round(start * 100) + segment.seek,
        start=at(segment.start),
        end=at(segment.end),
        text=segment.text,
        tokens=tuple(segment.tokens),
        temperature=segment.temperature,
        avg_logprob=segment.avg_logprob,
        compression_ratio=segment.compression_ratio,
        no_speech_prob=segment.no_speech_prob,
        words=tuple(RecognisedWord(word.word, at(word.start), at(word.end)) for word in segment.words or ()),
    )


def _load(cache: Path, model: str | None, threads: int) -> WhisperModel:
    try:
        from faster_whisper import WhisperModel
    except ImportError as exc:
        raise EngineMissing from exc
    folder = weights.model_folder(cache, model)
    return WhisperModel(
        folder, device="cpu", compute_type="int8", cpu_threads=threads, download_root=str(cache)
    )


def _processors() -> int:
    # A container or `taskset` may leave fewer than the machine has; not every system can tell.
    allowed = getattr(os, "sched_getaffinity", None)
    return len(allowed(0)) if allowed else os.cpu_count() or 1
