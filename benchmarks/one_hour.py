"""`python -m benchmarks.one_hour`: what it costs to ready one hour of speech, beside decoding it to FLAC.

CPU seconds of ffmpeg (probe, prepare, every piece) and the peak memory of one ffmpeg, by codec, in one run.
"""

from __future__ import annotations

import asyncio
import json
import resource
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

from common.audio.ffmpeg import Ffmpeg
from common.audio.prepare import prepare
from common.audio.probe import probe
from common.audio.split import cut_piece, plan_cuts

SPEECH = Path(__file__).parent.parent / "tests" / "data" / "english.flac"
HOUR = 3600

# Stereo at 44.1 or 48 kHz, at the bit rates that phones, browsers and meetings make.
KINDS = {
    "mp3": "-ac 2 -ar 44100 -b:a 128k",
    "m4a": "-ac 2 -ar 44100 -b:a 128k",
    "opus.ogg": "-ac 2 -ar 48000 -c:a libopus -b:a 48k -compression_level 0",
    "vorbis.ogg": "-ac 2 -ar 44100 -c:a libvorbis",
    "webm": "-ac 2 -ar 48000 -c:a libopus -b:a 48k -compression_level 0",
    "mp4": "-f lavfi -i testsrc=s=640x360:r=15 -map 0:a -map 1:v -ac 2 -ar 44100 -b:a 128k"
    " -c:v libx264 -preset ultrafast -pix_fmt yuv420p",
    "flac": "-ac 1 -ar 44100",
    "wav": "-ac 1 -ar 16000",
}


@dataclass(frozen=True, slots=True)
class Cost:
    """CPU in seconds, memory in MB."""

    cpu: float
    peak_rss: float


def main() -> None:
    if len(sys.argv) == 3:
        print(json.dumps(asdict(_measured(sys.argv[1], Path(sys.argv[2])))))
        return
    print(f"{'one hour of':<12}{'pieces by copy':>24}{'decoded to FLAC':>24}{'ratio':>8}")
    with tempfile.TemporaryDirectory() as folder:
        for kind in KINDS:
            source = _hour(kind, Path(folder))
            ours, decoded = _apart("pieces", source), _apart("decode", source)
            print(f"{kind:<12}{_shown(ours):>24}{_shown(decoded):>24}{decoded.cpu / ours.cpu:>7.1f}x")
            source.unlink()


def _shown(cost: Cost) -> str:
    return f"{cost.cpu:.2f} CPU-s, {cost.peak_rss:.0f} MB"


def _hour(kind: str, folder: Path) -> Path:
    """Ten minutes are encoded, then joined six times over, which costs nothing."""
    part, whole = folder / f"part.{kind}", folder / f"hour.{kind}"
    ffmpeg = [str(Ffmpeg().binary()), "-nostdin", "-y", "-loglevel", "error", "-stream_loop", "-1"]
    subprocess.run([*ffmpeg, "-i", str(SPEECH), *KINDS[kind].split(), "-t", "600", str(part)], check=True)
    subprocess.run([*ffmpeg, "-i", str(part), "-c", "copy", "-t", str(HOUR), str(whole)], check=True)
    part.unlink()
    return whole


def _apart(what: str, source: Path) -> Cost:
    """Measured in a process of its own, since peak memory is known only over all children of one."""
    command = [sys.executable, "-m", "benchmarks.one_hour", what, str(source)]
    return Cost(**json.loads(subprocess.run(command, check=True, capture_output=True).stdout))


def _measured(what: str, source: Path) -> Cost:
    with tempfile.TemporaryDirectory(dir=source.parent) as folder:
        if what == "pieces":
            asyncio.run(_pieces(source, Path(folder)))
        else:
            _decode(source, Path(folder))
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return Cost(used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)


async def _pieces(source: Path, folder: Path) -> None:
    ffmpeg = Ffmpeg()
    probed = await probe(ffmpeg, source, max_seconds=2 * HOUR)
    prepared = await prepare(ffmpeg, source, probed, folder)
    for wanted in plan_cuts(prepared):
        piece = await cut_piece(ffmpeg, prepared, wanted, folder)
        piece.path.unlink()


def _decode(source: Path, folder: Path) -> None:
    options = "-map 0:a:0 -ac 1 -ar 16000 -sample_fmt s16 -threads 1"
    command = [str(Ffmpeg().binary()), "-nostdin", "-loglevel", "error", "-i", str(source), *options.split()]
    subprocess.run([*command, str(folder / "whole.flac")], check=True)


if __name__ == "__main__":
    main()
