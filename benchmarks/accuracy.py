"""Words wrong with the embedded engine: turns in two languages, and recordings that are cut.

    python -m benchmarks.accuracy            about half an hour of one core
    python -m benchmarks.accuracy --minutes 4

Turns of 45 to 50 s in Spanish and English, without a language given, against each half alone in its own. Each
half in pieces, cut five times as often as a job is, against the same half whole.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import jiwer

from common.audio.ffmpeg import Ffmpeg
from common.audio.prepare import prepare
from common.audio.probe import probe
from common.audio.split import plan_cuts
from common.counters import Counters
from common.local.engine import build_engine
from common.models import Options, Piece, Transcript
from common.settings import Settings
from common.text.spoken_languages import languages_of
from common.transcription.pipeline import PreparedRecording, merge_pieces, transcribe_pieces
from tests.recordings import ENGLISH, SPANISH, Recording, normalise

_CUT = 120.0  # seconds of a piece


@dataclass(frozen=True)
class Services:
    """What transcribing needs of the services."""

    settings: Settings
    ffmpeg: Ffmpeg
    engine: Any
    counters: Counters = field(default_factory=Counters)
    now: Callable[[], float] = time.time
    quota: None = None
    client_quota: None = None

    def count_usage(self, _name: str, _amount: float) -> None: ...


def turns(minutes: float) -> list[list[Recording]]:
    random, turns_ = Random(5), list[list[Recording]]()
    while sum(recording.seconds for turn in turns_ for recording in turn) < minutes * 60:
        turns_ += [random.sample(SPANISH, len(SPANISH)), [ENGLISH, ENGLISH]]
    return turns_


async def transcribe(
    services: Any, recordings: Sequence[Recording], language: str | None, *, piece_seconds: float
) -> Transcript:
    options = Options(language=language)

    async def keep(_: Piece) -> None: ...

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        source = await asyncio.to_thread(_join, recordings, folder / "joined.flac")
        audio = await prepare(
            services.ffmpeg, source, await probe(services.ffmpeg, source, max_seconds=1e6), folder
        )
        recording = PreparedRecording(audio, plan_cuts(audio, piece_seconds=piece_seconds))
        pieces = await transcribe_pieces(services, recording, options, folder, kept={}, keep=keep)
        return await merge_pieces(services, recording, pieces, options)


def _join(recordings: Sequence[Recording], path: Path) -> Path:
    """With 0.3 s of silence after each, as 16 kHz mono."""
    import subprocess

    from imageio_ffmpeg import get_ffmpeg_exe

    inputs = [argument for each in recordings for argument in ("-i", str(each.path))]
    pads = ";".join(f"[{i}]aresample=16000,apad=pad_dur=0.3[a{i}]" for i in range(len(recordings)))
    joined = "".join(f"[a{i}]" for i in range(len(recordings))) + f"concat=n={len(recordings)}:v=0:a=1"
    command = [get_ffmpeg_exe(), "-v", "error", *inputs, "-filter_complex", f"{pads};{joined}"]
    subprocess.run([*command, "-ac", "1", "-sample_fmt", "s16", str(path)], check=True)
    return path


def errors_by_language(recordings: Sequence[Recording], text: str) -> dict[str, float]:
    """The percentage of words wrong of each language's words."""
    words = [(word, each.language) for each in recordings for word in normalise(each.words).split()]
    alignment = jiwer.process_words(" ".join(word for word, _ in words), normalise(text)).alignments[0]
    wrong = dict.fromkeys((each.language for each in recordings), 0)
    for chunk in alignment:
        if chunk.type != "equal":
            language = words[min(chunk.ref_start_idx, len(words) - 1)][1]
            wrong[language] += max(
                chunk.ref_end_idx - chunk.ref_start_idx, chunk.hyp_end_idx - chunk.hyp_start_idx
            )
    totals = {language: sum(spoken == language for _, spoken in words) for language in wrong}
    return {language: round(100 * count / totals[language], 2) for language, count in wrong.items()}


async def measure(minutes: float, models: Path) -> None:
    settings = Settings(data_dir=models)
    services = Services(settings, Ffmpeg(at_once=1), build_engine(settings, None, lambda: 0.0))
    bilingual = turns(minutes)
    every = [recording for turn in bilingual for recording in turn]
    halves = {language: [each for each in every if each.language == language] for language in ("es", "en")}
    answer = await transcribe(services, every, None, piece_seconds=600.0)
    print(
        f"{answer.duration / 60:.1f} minutes in turns, no language given:",
        errors_by_language(every, answer.text),
    )
    print(f"  languages: {languages_of(answer)}, suppressed: {len(answer.suppressed)}", flush=True)
    for language, half in halves.items():
        for label, seconds in (("whole", 1e9), (f"in pieces of {_CUT:.0f} s", _CUT)):
            alone = await transcribe(services, half, language, piece_seconds=seconds)
            print(f"  {language} alone, {label}:", errors_by_language(half, alone.text), flush=True)
    await services.engine.aclose()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=20.0)
    parser.add_argument("--data", type=Path, default=Path("data"), help="where the engine's weights are kept")
    arguments = parser.parse_args()
    asyncio.run(measure(arguments.minutes, arguments.data))
