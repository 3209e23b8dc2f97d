"""Transcribes a recording with faster-whisper: one at a time, section by section, in a thread.

With one section at a time, an hour takes no more memory than a few minutes.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from common.errors import EngineMissing
from common.local.whisper import decoder, weights
from common.local.whisper.recognition import DecodingOptions, RecognisedSegment, RecognitionResult
from common.local.whisper.section import SectionRecogniser

if TYPE_CHECKING:
    from faster_whisper import WhisperModel

_SECTION_SECONDS = 150.0  # five of Whisper's windows
_LONGEST = 4 * 3600.0


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

    async def recognise(
        self,
        recording: BinaryIO,
        options: DecodingOptions,
        on_segment: Callable[[RecognisedSegment], None] | None = None,
    ) -> RecognitionResult:
        """Transcribe `recording`, and close it whatever happens; `on_segment` gets each segment at once.

        When the caller is cancelled, the work ends at the next segment. Raises AudioRefused for what is no
        recording, EngineMissing without the `local` extra, RecognitionCancelled after `close`.
        """
        cancelled = threading.Event()
        loop = asyncio.get_running_loop()

        def report(segment: RecognisedSegment) -> None:
            if on_segment:
                loop.call_soon_threadsafe(on_segment, segment)

        work = self._submit(recording, options, cancelled, report)
        try:
            return await asyncio.wrap_future(work)
        finally:
            cancelled.set()

    def close(self) -> None:
        """End the current recording at its next segment, drop those that wait, and accept no more."""
        self._closing.set()
        self._worker.shutdown(wait=True, cancel_futures=True)

    def _submit(
        self,
        recording: BinaryIO,
        options: DecodingOptions,
        cancelled: threading.Event,
        report: Callable[[RecognisedSegment], None] = lambda _: None,
    ) -> Future[RecognitionResult]:
        try:
            work = self._worker.submit(self._recognise, recording, options, cancelled, report)
        except RuntimeError as exc:  # the executor is shut down
            recording.close()
            raise RecognitionCancelled from exc
        work.add_done_callback(lambda _: recording.close())
        return work

    def _recognise(
        self,
        recording: BinaryIO,
        options: DecodingOptions,
        cancelled: threading.Event,
        report: Callable[[RecognisedSegment], None],
    ) -> RecognitionResult:
        def check() -> None:
            if cancelled.is_set() or self._closing.is_set():
                raise RecognitionCancelled

        duration = decoder.measure_duration(recording, longest=self._longest, check=check)
        sections = SectionRecogniser(self._load_model(), options, self._beam_size)
        segments: list[RecognisedSegment] = []
        for section in decoder.split_sections(recording, longest=_SECTION_SECONDS, check=check):
            for segment in sections.recognise(section):
                check()
                segments.append(replace(segment, id=len(segments)))
                report(segments[-1])
        language, probability = sections.main_language()
        return RecognitionResult(options.task, language, duration, tuple(segments), probability)

    def _load_model(self) -> WhisperModel:
        if self._model is None:
            self._model = _load(self._cache, self._model_name, self._threads or _processors())
        return self._model


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
