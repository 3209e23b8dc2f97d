"""Transcribes a recording with faster-whisper: one at a time, section by section, in a thread.

With one section at a time, an hour takes no more memory than a few minutes. The language detected in the
first section with speech is used for the rest. No section gets the text before it as a prompt, since that
makes repetitions spread.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from common.errors import EngineMissing
from common.local.whisper import decoder, weights
from common.local.whisper.recognition import (
    DecodingOptions,
    RecognisedSegment,
    RecognisedWord,
    RecognitionResult,
)

if TYPE_CHECKING:
    from faster_whisper import WhisperModel
    from faster_whisper.transcribe import Segment

    from common.local.whisper.decoder import Samples

_SECTION_SECONDS = 150.0  # five of Whisper's windows
_LONGEST = 4 * 3600.0
_TEMPERATURES = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)  # tried in turn while the text looks wrong, as Whisper does
_TOKEN_NAMES = {"jv": "jw"}  # what Whisper's tokenizer calls Javanese


class RecognitionCancelled(Exception):
    """The caller was cancelled, or the recogniser was closed."""


class Recogniser:
    """Transcribes one recording at a time; others wait in order. The first one loads the model.

    `cache` is the folder for the joined weights, `model` a folder or hub name to use instead of them,
    `threads` the number of processor threads (default: all that this process may use), `longest` the limit of
    a recording in seconds.
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

    async def recognise(self, recording: BinaryIO, options: DecodingOptions) -> RecognitionResult:
        """Transcribe `recording`, and close it whatever happens.

        When the caller is cancelled, the work ends at the next segment. Raises AudioRefused for what is no
        recording, EngineMissing without the `local` extra, RecognitionCancelled after `close`.
        """
        cancelled = threading.Event()
        work = self._submit(recording, options, cancelled)
        try:
            return await asyncio.wrap_future(work)
        finally:
            cancelled.set()

    def close(self) -> None:
        """End the current recording at its next segment, drop those that wait, and accept no more."""
        self._closing.set()
        self._worker.shutdown(wait=True, cancel_futures=True)

    def _submit(
        self, recording: BinaryIO, options: DecodingOptions, cancelled: threading.Event
    ) -> Future[RecognitionResult]:
        try:
            work = self._worker.submit(self._recognise, recording, options, cancelled)
        except RuntimeError as exc:  # the executor is shut down
            recording.close()
            raise RecognitionCancelled from exc
        work.add_done_callback(lambda _: recording.close())
        return work

    def _recognise(
        self, recording: BinaryIO, options: DecodingOptions, cancelled: threading.Event
    ) -> RecognitionResult:
        def check() -> None:
            if cancelled.is_set() or self._closing.is_set():
                raise RecognitionCancelled

        duration = decoder.measure_duration(recording, longest=self._longest, check=check)
        sections = _SectionRecogniser(self._load_model(), options, self._beam_size)
        segments: list[RecognisedSegment] = []
        for section in decoder.split_sections(recording, longest=_SECTION_SECONDS, check=check):
            for segment in sections.recognise(section):
                check()
                segments.append(replace(segment, id=len(segments)))
        return RecognitionResult(
            options.task, sections.language, duration, tuple(segments), sections.language_probability
        )

    def _load_model(self) -> WhisperModel:
        if self._model is None:
            self._model = _load(self._cache, self._model_name, self._threads or _processors())
        return self._model


class _SectionRecogniser:
    """Transcribes the sections of one recording in order, and keeps the language that it detected."""

    def __init__(self, model: WhisperModel, options: DecodingOptions, beam_size: int) -> None:
        self._model, self._options, self._beam_size = model, options, beam_size
        self.language = options.language
        self.language_probability: float | None = None

    def recognise(self, section: decoder.Section) -> Iterator[RecognisedSegment]:
        from faster_whisper.transcribe import restore_speech_timestamps
        from faster_whisper.vad import collect_chunks, get_speech_timestamps

        # The library's own vad_filter does the same three steps, but detects a language even in a section
        # without speech.
        speech = get_speech_timestamps(section.samples)
        if not speech:
            return
        chunks, _ = collect_chunks(section.samples, speech)
        segments = restore_speech_timestamps(self._transcribe(chunks), speech, decoder.RATE)
        for segment in segments:
            yield _shift(segment, section.start)

    def _transcribe(self, chunks: list[Samples]) -> Iterable[Segment]:
        import numpy as np

        options = self._options
        segments: Iterable[Segment]
        segments, info = self._model.transcribe(
            np.concatenate(chunks),
            language=_token_for(self.language, self._model),
            task=options.task,
            beam_size=self._beam_size,
            temperature=options.temperature or _TEMPERATURES,
            initial_prompt=options.prompt,
            condition_on_previous_text=False,
            word_timestamps=options.words,
        )
        if self.language is None:
            self.language, self.language_probability = info.language, info.language_probability
        return segments


def _token_for(language: str | None, model: WhisperModel) -> str | None:
    """This model's token for a language; models before large-v3 have Chinese instead of Cantonese."""
    if language is None:
        return None
    names = (_TOKEN_NAMES.get(language, language), "zh", "en")  # the last for English-only models
    return next(name for name in names if model.hf_tokenizer.token_to_id(f"<|{name}|>") is not None)


def _shift(segment: Segment, start: float) -> RecognisedSegment:
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
    # A container or `taskset` may allow fewer than the machine has; not every system reports that.
    allowed = getattr(os, "sched_getaffinity", None)
    return len(allowed(0)) if allowed else os.cpu_count() or 1
