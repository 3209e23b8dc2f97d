"""A received file → its transcript, for someone who waits on the line: probe, prepare, recognise."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from common.audio.prepare import prepare
from common.audio.probe import probe
from common.errors import EngineMissing
from common.groq import Recognition
from common.models import Options
from common.services import Services


@dataclass(frozen=True, slots=True)
class Recognised:
    """What the engine made of a recording, and the seconds each stage took."""

    recognition: Recognition
    seconds: dict[str, float]


async def recognise(services: Services, source: Path, options: Options, folder: Path) -> Recognised:
    """Transcribe `source` in one request to the engine; whatever is made on the way lies in `folder`.

    Raises AudioRefused, EngineFailed or RetryLater.
    """
    if services.engine_problem:
        raise EngineMissing
    seconds: dict[str, float] = {}
    with _timed(seconds, "probe"):
        probed = await probe(services.ffmpeg, source, max_seconds=services.settings.max_audio_minutes * 60)
    with _timed(seconds, "prepare"):
        prepared = await prepare(services.ffmpeg, source, probed, folder)
    with _timed(seconds, "recognise"):
        recognition = await services.engine.transcribe(
            prepared.path, format=prepared.format, duration=prepared.duration, options=options
        )
    return Recognised(recognition, seconds)


@contextmanager
def _timed(seconds: dict[str, float], stage: str) -> Iterator[None]:
    began = time.perf_counter()
    yield
    seconds[stage] = round(time.perf_counter() - began, 3)
