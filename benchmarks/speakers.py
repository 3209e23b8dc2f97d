"""Words given to the wrong speaker, the number of speakers, the diarization error, and what it costs.

    python -m benchmarks.speakers                 about a quarter of an hour of one core
    python -m benchmarks.speakers --short         366 recordings of 5 to 120 seconds, as long
    python -m benchmarks.speakers --cost 10       CPU and memory of ten minutes

Thirty recordings of one to five readers, six kinds of each number: clear, by telephone, in noise of 15 dB,
both, of short turns, and with overlap. The readers come from Debian's archive (`apt-get download`).
Words and their times are the clips' own, off by some hundredths of a second, as an engine's are. `new` are
voices that no choice of ours was made by; `seen` are those of the development.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import math
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil
from numpy.typing import NDArray

from benchmarks.short_scenes import short_scenes
from benchmarks.voices import NEW, SEEN, Recording, Scene, Voices, build
from common.speakers.process import embed
from common.speakers.stretch import stretch_of
from common.speakers.windows import Span
from common.speakers.wordless import Turns, assign_turns

KINDS: dict[str, dict[str, object]] = {
    "clear": {},
    "telephone": {"phone": True},
    "noise": {"noise_db": 15.0},
    "telephone, noise": {"phone": True, "noise_db": 15.0},
    "short turns": {"turn": (1.5, 4.0)},
    "overlap": {"overlap": 0.3},
}
_FRAME = 0.01  # seconds
Frames = NDArray[np.bool_]


@dataclass(frozen=True)
class Score:
    """Shares: words to the wrong speaker, and the diarization error without and with a collar of 0.25 s."""

    scene: Scene
    wrong: float
    found: int
    error: float
    lenient: float
    doubt: bool

    @property
    def is_count_right(self) -> bool:
        return self.found == len(self.scene.readers)


def scenes(readers: Sequence[str], seed: int) -> Iterator[Scene]:
    random = np.random.default_rng(seed)
    for count in range(1, min(5, len(readers)) + 1):
        for number, (kind, how) in enumerate(KINDS.items()):
            chosen = tuple(str(name) for name in random.choice(readers, count, replace=False))
            seconds = 90.0 if count < 3 else 150.0
            yield Scene(f"{count} · {kind}", chosen, seconds, seed=seed + 10 * count + number, **how)  # type: ignore[arg-type]


async def listen(
    recording: Recording, on_share: Callable[[float], None] = lambda _: None
) -> tuple[list[Span], Turns]:
    words = [Span(word.start, word.end) for word in recording.words]
    with tempfile.TemporaryDirectory() as folder:
        pcm = Path(folder) / "sound.pcm"
        pcm.write_bytes((np.clip(recording.sound, -1, 1) * 32767).astype("<i2").tobytes())
        packed = await embed(pcm, stretch_of(words, at=0.0, start=0.0, end=math.inf), on_share=on_share)
    return words, assign_turns(words, packed, least=1, most=10)


def score(scene: Scene, recording: Recording, words: Sequence[Span], assigned: Turns) -> Score:
    readers, speakers = sorted(set(recording.readers)), sorted(set(assigned.speakers))
    pairs = list(zip(recording.readers, assigned.speakers, strict=True))
    counts = {(a, b): sum(pair == (a, b) for pair in pairs) for a in readers for b in speakers}
    mapping = _best_mapping(readers, speakers, counts)
    right = sum(mapping.get(speaker) == reader for reader, speaker in pairs)
    truth = _frames(words, recording.readers, readers)
    guess = _frames(words, [mapping.get(speaker, "") for speaker in assigned.speakers], readers)
    extra = _frames(words, ["" if speaker in mapping else "x" for speaker in assigned.speakers], ["x"])
    edges = {time for turn in recording.turns for time in (turn.start, turn.end)}
    return Score(
        scene,
        1 - right / len(pairs),
        len(speakers),
        _error(truth, guess, extra, np.ones(truth.shape[1], bool)),
        _error(truth, guess, extra, _away_from(edges, truth.shape[1])),
        assigned.doubt,
    )


def _best_mapping(
    readers: Sequence[str], speakers: Sequence[int], counts: dict[tuple[str, int], int]
) -> dict[int, str]:
    """Each speaker's reader, no reader twice, so that most words are right."""
    padded = [*readers, *[""] * max(0, len(speakers) - len(readers))]
    best = max(
        set(itertools.permutations(padded, len(speakers))),
        key=lambda order: sum(counts.get((r, s), 0) for r, s in zip(order, speakers, strict=True)),
    )
    return {speaker: reader for reader, speaker in zip(best, speakers, strict=True) if reader}


def _frames(words: Sequence[Span], owners: Sequence[str], names: Sequence[str]) -> Frames:
    """Who speaks in each frame (name, frame)."""
    frames = np.zeros((len(names), round(max(word.end for word in words) / _FRAME) + 1), bool)
    for (start, end), owner in zip(words, owners, strict=True):
        if owner in names:
            frames[names.index(owner), round(start / _FRAME) : round(end / _FRAME)] = True
    return frames


def _away_from(edges: set[float], count: int, collar: float = 0.25) -> Frames:
    counted = np.ones(count, bool)
    for edge in edges:
        counted[max(0, round((edge - collar) / _FRAME)) : round((edge + collar) / _FRAME)] = False
    return counted


def _error(truth: Frames, guess: Frames, extra: Frames, counted: Frames) -> float:
    """Missed, invented and confused time over all spoken time."""
    spoken = truth.sum(axis=0)
    said = guess.sum(axis=0) + extra.sum(axis=0)
    wrong = np.maximum(spoken, said) - (truth & guess).sum(axis=0)
    return float(wrong[counted].sum() / max(1, spoken[counted].sum()))


def report(name: str, scores: Sequence[Score]) -> None:
    print(f"\n{name}: {len(scores)} recordings; words to the wrong speaker, DER without and with a collar")
    for one in scores:
        notes = ("" if one.is_count_right else f"  {one.found} found") + ("  doubtful" if one.doubt else "")
        print(f"  {one.scene.name:<22} {one.wrong:6.1%} {one.error:6.1%} {one.lenient:6.1%}{notes}")
    wrong = np.array([one.wrong for one in scores])
    error, lenient = (np.mean([getattr(one, key) for one in scores]) for key in ("error", "lenient"))
    right = sum(one.is_count_right for one in scores)
    print(f"  words: mean {wrong.mean():.1%}, median {np.median(wrong):.1%}, worst {wrong.max():.1%}")
    print(
        f"  DER {error:.1%}, with a collar of 0.25 s {lenient:.1%}; number right {right} of {len(scores)}",
        flush=True,
    )


def report_short(name: str, scores: Sequence[Score]) -> None:
    """Certain are those without a warning."""
    print(f"\n{name}: number right, wrong and certain, right and warned; words to the wrong speaker")
    for kind in (*dict.fromkeys(one.scene.name for one in scores), "all"):
        some = [one for one in scores if kind in {one.scene.name, "all"}]
        right = [one for one in some if one.is_count_right]
        certain = sum(not (one.is_count_right or one.doubt) for one in some)
        warned, wrong = sum(one.doubt for one in right), np.mean([one.wrong for one in some])
        print(
            f"  {kind:<10} {len(right):3} of {len(some):3}  {certain:3} {warned:3}  {wrong:6.1%}", flush=True
        )


async def measure_short(voices: Voices) -> None:
    for name, readers, seed in (("new", NEW, 5000), ("seen", SEEN, 1000)):
        scores = []
        for scene in short_scenes(readers, seed):
            recording = build(scene, voices)
            if set(recording.readers) == set(scene.readers):  # a short one may end before all have spoken
                words, assigned = await listen(recording)
                scores.append(score(scene, recording, words, assigned))
        report_short(name, scores)


async def measure_cost(voices: Voices, minutes: float) -> None:
    """Embedding in the child that the server starts, and the grouping of four hours, each at its peak."""
    scene = Scene("cost", tuple(SEEN[:4]), seconds=minutes * 60)
    recording = build(scene, voices)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    begin, sizes = time.perf_counter(), [0]
    _, assigned = await listen(recording, lambda _: sizes.extend(_sizes_of_children()))
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    print(f"{minutes:g} minutes: {cpu / minutes:.2f} CPU-s a minute, {time.perf_counter() - begin:.0f} s")
    found = len(set(assigned.speakers))
    print(f"  the child held {max(sizes) / 2**20:.0f} MB; {found} of 4 speakers")


def _sizes_of_children() -> Iterator[int]:
    """The system's peak of a child counts what this process, its parent, held as it started it."""
    return (child.memory_info().rss for child in psutil.Process().children())


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "escriba-voices")
    parser.add_argument("--cost", type=float, metavar="MINUTES")
    parser.add_argument("--short", action="store_true")
    arguments = parser.parse_args()
    voices = Voices(arguments.folder)
    if arguments.cost:
        await measure_cost(voices, arguments.cost)
        return
    if arguments.short:
        await measure_short(voices)
        return
    for name, readers, seed in (("new", NEW, 200), ("seen", SEEN, 100)):
        scores = []
        for scene in scenes(readers, seed):
            recording = build(scene, voices)
            words, assigned = await listen(recording)
            scores.append(score(scene, recording, words, assigned))
        report(name, scores)


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
