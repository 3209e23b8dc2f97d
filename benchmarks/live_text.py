"""Words wrong in text that appears while it is spoken, against the same recording whole: the embedded engine.

    python -m benchmarks.live_text en es            about ten minutes of one core
    python -m benchmarks.live_text es --first 2.5   the second piece starts elsewhere, and so do all after it

Pieces of ten seconds, one each five seconds, as the page cuts them (page/src/record/pieces.ts), merged as the
server merges them. `npm run live-accuracy` in page/ does it with the page's own recorder, and takes longer.
"""

from __future__ import annotations

import argparse
import asyncio
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import jiwer
from imageio_ffmpeg import get_ffmpeg_exe

from benchmarks.accuracy import Services
from common.audio.ffmpeg import Ffmpeg
from common.audio.prepare import prepare
from common.audio.probe import probe
from common.audio.split import plan_cuts
from common.local.engine import build_engine
from common.models import Options, Piece, Transcript
from common.settings import Settings
from common.text.running import advance
from common.text.tokens import join as join_words
from common.transcription.option_rules import with_word_times
from common.transcription.pipeline import PreparedRecording, merge_pieces, transcribe_pieces
from tests.long_speech import choose, join
from tests.recordings import normalise

_LENGTH, _STEP = 10.0, 5.0  # seconds
_LATE = 0.2  # seconds that the page may be late


def starts(seconds: float, first: float) -> Iterator[float]:
    random, start = Random(5), 0.0
    while start < seconds:
        yield start
        start += (_STEP if start else first) + random.uniform(0.0, _LATE)


async def hear(services: Any, path: Path, options: Options) -> Transcript:
    async def keep(_: Piece) -> None: ...

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        probed = await probe(services.ffmpeg, path, max_seconds=1e6)
        audio = await prepare(services.ffmpeg, path, probed, folder)
        recording = PreparedRecording(audio, plan_cuts(audio, piece_seconds=1e9))
        pieces = await transcribe_pieces(services, recording, options, folder, kept={}, keep=keep)
        return await merge_pieces(services, recording, pieces, options)


def cut(source: Path, start: float, seconds: float, path: Path) -> Path:
    """As the page's recorder writes it."""
    where = ["-i", str(source), "-ss", str(start), "-t", str(seconds)]
    opus = ["-c:a", "libopus", "-b:a", "48k"]
    subprocess.run([get_ffmpeg_exe(), "-v", "error", "-y", *where, *opus, str(path)], check=True)
    return path


async def hear_pieces(services: Any, source: Path, seconds: float, first: float) -> str:
    begins = [start for start in starts(seconds, first) if start == 0 or start + _STEP < seconds]
    rest, texts = None, list[str]()
    for start, following in zip(begins, [*begins[1:], None], strict=True):
        path = cut(source, start, _LENGTH, source.with_name("piece.webm"))
        transcript = await hear(services, path, with_word_times(Options()))
        running = advance(rest, Piece(index=0, start=start, transcript=transcript), next_start=following)
        texts.append(running.text)
        rest = running.rest
    return join_words(texts)


def report(name: str, truth: str, text: str) -> None:
    found = jiwer.process_words(normalise(truth), normalise(text))
    wrong = [chunk for chunk in found.alignments[0] if chunk.type != "equal"]
    lost = max((c.ref_end_idx - c.ref_start_idx for c in wrong), default=0)
    added = max((c.hyp_end_idx - c.hyp_start_idx for c in wrong if c.type == "insert"), default=0)
    print(
        f"  {name}: {100 * found.wer:.1f} % wrong; most in a row: {lost} wrong, {added} too many", flush=True
    )


async def measure(languages: list[str], seconds: float, first: float, models: Path) -> None:
    settings = Settings(data_dir=models)
    services = Services(settings, Ffmpeg(at_once=1), build_engine(settings, None, lambda: 0.0))
    for language in languages:
        with tempfile.TemporaryDirectory() as name:
            recordings = choose(language, seconds)
            source, truth = Path(name) / "speech.wav", " ".join(each.words for each in recordings)
            join(recordings, source)
            length = sum(each.seconds + 0.4 for each in recordings)
            print(f"{language}, {length:.0f} s, {len(truth.split())} words")
            whole = await hear(services, cut(source, 0.0, length, Path(name) / "whole.webm"), Options())
            report("whole", truth, whole.text)
            report("while it is spoken", truth, await hear_pieces(services, source, length, first))
    await services.engine.aclose()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("languages", nargs="+", choices=["en", "es"])
    parser.add_argument("--seconds", type=float, default=150.0)
    parser.add_argument(
        "--first", type=float, default=_STEP, help="seconds after which the second piece starts"
    )
    parser.add_argument("--data", type=Path, default=Path("data"), help="where the engine's weights are kept")
    arguments = parser.parse_args()
    asyncio.run(measure(arguments.languages, arguments.seconds, arguments.first, arguments.data))
