"""The diarization error on real conversations: a telephone call, and half-minute excerpts of meetings.

    python -m benchmarks.conversations               about three minutes of one core
    python -m benchmarks.conversations --number      the request says how many speak

They are those that pyannote.audio (MIT) brings for its own tests: a call, and fourteen excerpts of the AMI
corpus (CC BY 4.0) by one distant microphone, `pip download` gets them. The server transcribes each with the
embedded engine and says who speaks when, in the `turns` of its answer. Missed and invented speech count
too, and where several speak at once each of them counts.
"""

from __future__ import annotations

import argparse
import itertools
import subprocess
import sys
import tarfile
import tempfile
import unicodedata
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import numpy as np
from numpy.typing import NDArray

from tests.server import Server

_PACKAGE = "pyannote.audio==4.0.4"
_FRAME = 0.01  # seconds
_COLLARS = (0.0, 0.25)  # seconds on either side of each change that count for nothing

Turns = list[tuple[str, float, float]]
Frames = NDArray[np.bool_]


@dataclass(frozen=True)
class Errors:
    """Seconds: missed, invented, of another speaker, and of all speech."""

    missed: float
    invented: float
    confused: float
    spoken: float

    @property
    def rate(self) -> float:
        return (self.missed + self.invented + self.confused) / self.spoken


def fetch(folder: Path) -> Path:
    """The unpacked source package."""
    if not list(folder.glob("pyannote_audio-*/")):
        folder.mkdir(parents=True, exist_ok=True)
        command = [
            sys.executable,
            "-m",
            "pip",
            "download",
            "-q",
            "--no-deps",
            "--no-binary",
            "pyannote.audio",
        ]
        subprocess.run([*command, "-d", folder, _PACKAGE], check=True)
        with tarfile.open(next(folder.glob("*.tar.gz"))) as archive:
            archive.extractall(folder, filter="data")
    return next(folder.glob("pyannote_audio-*/"))


def conversations(root: Path) -> Iterator[tuple[Path, Turns]]:
    turns = defaultdict(list)
    tables = [root / "tutorials/assets/sample.rttm", *sorted((root / "tests/data").glob("*.rttm"))]
    for line in itertools.chain.from_iterable(table.read_text().splitlines() for table in tables):
        _, name, _, start, seconds, _, _, speaker, *_ = line.split()
        turns[name].append((speaker, float(start), float(start) + float(seconds)))
    files = [root / "tutorials/assets/sample.wav", *sorted((root / "tests/data").glob("*.wav"))]
    for path in files:
        if found := turns.get(unicodedata.normalize("NFKD", path.stem).encode("ascii", "ignore").decode()):
            yield path, found


def transcribe(server: Server, path: Path, speakers: str) -> tuple[Turns, list[str]]:
    """The turns that the server says, and the codes of its warnings."""
    with path.open("rb") as file:
        files, fields = {"file": ("a.wav", file)}, {"speakers": speakers}
        answer = httpx.post(f"{server.url}/transcribe", files=files, data=fields, timeout=600)
    said = answer.raise_for_status().json()
    turns = [(turn["speaker"], turn["start"], turn["end"]) for turn in said.get("turns", ())]
    return turns, [warning["code"] for warning in said.get("warnings", ())]


def measure(truth: Turns, guess: Turns, collar: float) -> Errors:
    count = round(max(end for _, _, end in truth + guess) / _FRAME) + 1
    said, heard = _frames(truth, count), _frames(guess, count)
    counted = np.ones(count, bool)
    for edge in {edge for _, start, end in truth for edge in (start, end) if collar}:
        counted[max(0, round((edge - collar) / _FRAME)) : round((edge + collar) / _FRAME)] = False
    said, heard = said[:, counted], heard[:, counted]
    speaking, found = said.sum(axis=0), heard.sum(axis=0)
    agreed = _most_agreed(said, heard)
    return Errors(
        float(np.maximum(speaking - found, 0).sum()) * _FRAME,
        float(np.maximum(found - speaking, 0).sum()) * _FRAME,
        float(np.minimum(speaking, found).sum() - agreed) * _FRAME,
        float(speaking.sum()) * _FRAME,
    )


def _frames(turns: Turns, count: int) -> Frames:
    names = sorted({name for name, _, _ in turns})
    frames = np.zeros((len(names), count), bool)
    for name, start, end in turns:
        frames[names.index(name), round(start / _FRAME) : round(end / _FRAME)] = True
    return frames


def _most_agreed(said: Frames, heard: Frames) -> int:
    """Frames that agree under the best mapping of labels to people."""
    shared = said.astype(int) @ heard.T.astype(int)
    if len(said) > len(heard):
        shared = shared.T
    rows = range(len(shared))
    return max(
        int(sum(shared[row, column] for row, column in zip(rows, order, strict=True)))
        for order in itertools.permutations(range(shared.shape[1]), len(shared))
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    default = Path(tempfile.gettempdir()) / "escriba-conversations"
    parser.add_argument("--folder", type=Path, default=default)
    parser.add_argument("--number", action="store_true")
    arguments = parser.parse_args()
    root = fetch(arguments.folder)
    results: dict[str, list[tuple[Errors, Errors]]] = defaultdict(list)
    with tempfile.TemporaryDirectory() as folder, Server(Path(folder) / "data") as server:
        for path, truth in conversations(root):
            people = len({name for name, _, _ in truth})
            guess, warnings = transcribe(server, path, str(people) if arguments.number else "true")
            errors = [measure(truth, guess, collar) for collar in _COLLARS]
            results["call" if path.stem == "sample" else "meetings"].append((errors[0], errors[1]))
            found = len({name for name, _, _ in guess})
            rates = " ".join(f"{one.rate:6.1%}" for one in errors)
            print(f"  {path.stem:<8} {rates}  {found} of {people}  {' '.join(warnings)}", flush=True)
    for kind, pairs in results.items():
        for collar, of_all in zip(_COLLARS, zip(*pairs, strict=True), strict=True):
            spoken = sum(one.spoken for one in of_all)
            parts = {
                name: sum(getattr(one, name) for one in of_all) / spoken
                for name in ("missed", "invented", "confused")
            }
            listed = ", ".join(f"{name} {share:.1%}" for name, share in parts.items())
            print(f"{kind}, collar {collar:g} s: DER {sum(parts.values()):.1%} ({listed})")


if __name__ == "__main__":
    main()
