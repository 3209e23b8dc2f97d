"""`python -m benchmarks.one_hour`: the cost of preparing and cutting one hour of speech, and of decoding it.

CPU seconds of all processes (probe, prepare, every piece; ffmpeg and our own), and the peak memory of the
largest, by format. With names of formats, `python -m benchmarks.one_hour mp3 mp4`, only those.
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

_MEASURE = "--measure"  # one kind of work on one file, in a process of its own
SPEECH = Path(__file__).parent.parent / "tests" / "data" / "english.flac"
HOUR = 3600

# Stereo at 44.1 or 48 kHz, at the bit rates of phones, browsers and meetings.
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
    if sys.argv[1:2] == [_MEASURE]:
        print(json.dumps(asdict(_measure(sys.argv[2], Path(sys.argv[3])))))
        return
    print(f"{'one hour of':<12}{'pieces by copy':>24}{'decoded to FLAC':>24}{'ratio':>8}")
    with tempfile.TemporaryDirectory() as folder:
        for kind in sys.argv[1:] or KINDS:
            source = _hour(kind, Path(folder))
            pieces, decoding = _measure_in_process("pieces", source), _measure_in_process("decode", source)
            print(f"{kind:<12}{_format(pieces):>24}{_format(decoding):>24}{decoding.cpu / pieces.cpu:>7.1f}x")
            source.unlink()


def _format(cost: Cost) -> str:
    return f"{cost.cpu:.2f} CPU-s, {cost.peak_rss:.0f} MB"


def _hour(kind: str, folder: Path) -> Path:
    """Encode ten minutes, then join six copies, which is cheap; FLAC numbers its frames, so it is encoded."""
    part, whole = folder / f"part.{kind}", folder / f"hour.{kind}"
    ffmpeg = [str(Ffmpeg().binary()), "-nostdin", "-y", "-loglevel", "error", "-stream_loop", "-1"]
    subprocess.run([*ffmpeg, "-i", str(SPEECH), *KINDS[kind].split(), "-t", "600", str(part)], check=True)
    codec = "-af asetpts=N/SR/TB -c:a flac" if kind == "flac" else "-c copy"
    subprocess.run([*ffmpeg, "-i", str(part), *codec.split(), "-t", str(HOUR), str(whole)], check=True)
    part.unlink()
    return whole


def _measure_in_process(work: str, source: Path) -> Cost:
    """Measure in a new process, since the system reports peak memory only over all children of one."""
    command = [sys.executable, "-m", "benchmarks.one_hour", _MEASURE, work, str(source)]
    return Cost(**json.loads(subprocess.run(command, check=True, capture_output=True).stdout))


def _measure(work: str, source: Path) -> Cost:
    with tempfile.TemporaryDirectory(dir=source.parent) as folder:
        before = _used_cpu()
        if work == "pieces":
            asyncio.run(_cut_pieces(source, Path(folder)))
        else:
            _decode(source, Path(folder))
        cpu = _used_cpu() - before
    kinds = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return Cost(cpu, max(resource.getrusage(kind).ru_maxrss for kind in kinds) / 1024)


def _used_cpu() -> float:
    """CPU seconds of this process and of the children that have ended."""
    used = [resource.getrusage(kind) for kind in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


async def _cut_pieces(source: Path, folder: Path) -> None:
    ffmpeg = Ffmpeg()
    audio = await prepare(ffmpeg, source, await probe(ffmpeg, source, max_seconds=2 * HOUR), folder)
    for cut in plan_cuts(audio):
        piece = await cut_piece(ffmpeg, audio, cut, folder)
        piece.path.unlink()


def _decode(source: Path, folder: Path) -> None:
    options = "-map 0:a:0 -ac 1 -ar 16000 -sample_fmt s16 -threads 1"
    command = [str(Ffmpeg().binary()), "-nostdin", "-loglevel", "error", "-i", str(source), *options.split()]
    subprocess.run([*command, str(folder / "whole.flac")], check=True)


if __name__ == "__main__":
    main()
