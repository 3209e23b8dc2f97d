"""Recordings in which every word is a number sounded as three tones, and an engine that really hears them.

What such an engine answers comes from the sound of the very piece that it was sent, so a cut in the wrong
place, a piece that is missing and a word told twice all show in the words and their times.
"""

from __future__ import annotations

import hashlib
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import numpy as np
import numpy.typing as npt

from tests.media import Media, pcm
from tests.recordings import ENGLISH
from tests.replies import Reply, heard

RATE = 16_000
_SAYING = ENGLISH.words.split()
NUMBERS = 4096 // len(_SAYING) * len(_SAYING)  # then they begin anew

_TONE = 0.08  # seconds
WORD_SECONDS = 3 * _TONE
_PITCHES = 600 + 150 * np.arange(16)  # Hz; the hexadecimal digits
_LOUD = 9_000
_WAVES = np.exp(-2j * np.pi * np.outer(_PITCHES, np.arange(round(0.05 * RATE)) / RATE))
_FRAME = 80  # samples: five milliseconds
_HEARD = 2_400  # of 32 767, the least that a frame with sound in it swings

Samples = npt.NDArray[np.int16]


@dataclass(frozen=True, slots=True)
class Said:
    """One word: its number, None for one cut in two; times in seconds. `text` is what is left of it."""

    number: int | None
    text: str
    start: float
    end: float


def when(seconds: float, *, seed: int = 1) -> list[float]:
    """When each word begins: some two a second, a breath after a few, and now and then a long silence."""
    random, times, at = Random(seed), list[float](), 0.4
    while at + WORD_SECONDS < seconds - 0.3:
        times.append(at)
        at += WORD_SECONDS + random.uniform(0.12, 0.3)
        if random.random() < 0.08:
            at += random.uniform(0.4, 1.5)
        if random.random() < 0.002:
            at += random.uniform(15, 40)
    return times


def words_of(count: int) -> list[str]:
    """What the first `count` words say: one text, over and over."""
    return [_SAYING[number % len(_SAYING)] for number in range(count)]


def speech(seconds: float, *, seed: int = 1) -> Samples:
    """The words 0, 1, 2 … at their times, over a little noise."""
    random = np.random.default_rng(seed)
    track = random.integers(-30, 30, round(seconds * RATE), dtype=np.int16)
    for number, time in enumerate(when(seconds, seed=seed)):
        at = round(time * RATE)
        word = _word(number % NUMBERS)
        track[at : at + len(word)] += word
    return track


def recorded(media: Media, name: str, options: str, seconds: float) -> Path:
    """That speech as a file; `options` are ffmpeg's for its codec."""
    path = media.folder / f"coded-{seconds:.0f}-{name}"
    if not path.exists():
        raw = media.folder / f"coded-{seconds:.0f}.raw"
        if not raw.exists():
            raw.write_bytes(speech(seconds).tobytes())
        media.ffmpeg(f"-f s16le -ar {RATE} -ac 1 -i {raw} {options}", path)
    return path


def _word(number: int) -> Samples:
    clock = np.arange(round(_TONE * RATE)) / RATE
    fade = np.minimum(1, np.minimum(clock, clock[::-1]) / 0.004)
    digits = (number >> 8 & 15, number >> 4 & 15, number & 15)
    tones = [_LOUD * fade * np.sin(2 * np.pi * _PITCHES[digit] * clock) for digit in digits]
    return np.concatenate(tones).astype(np.int16)


# ── hearing ───────────────────────────────────────────────────────────────────────────────────────


def understood(path: Path) -> tuple[list[Said], float]:
    """The words of a file on its own clock, and how many seconds it lasts."""
    samples = np.frombuffer(pcm(path, RATE), dtype=np.int16)
    seconds = len(samples) / RATE
    return [_said(samples, start, end, seconds) for start, end in _sounding(samples)], seconds


def _sounding(samples: Samples) -> Iterator[tuple[int, int]]:
    """Where sound begins and ends, in samples; gaps within a word are bridged, clicks passed over."""
    frames = samples[: len(samples) // _FRAME * _FRAME].reshape(-1, _FRAME).max(axis=1)
    loud = np.flatnonzero(frames > _HEARD)
    if not len(loud):
        return
    breaks = np.flatnonzero(np.diff(loud) > 8)
    for first, last in zip(
        np.concatenate([[0], breaks + 1]), np.concatenate([breaks, [len(loud) - 1]]), strict=True
    ):
        start, end = int(loud[first]) * _FRAME, (int(loud[last]) + 1) * _FRAME
        if end - start > 0.02 * RATE:
            yield start, end


def _said(samples: Samples, start: int, end: int, seconds: float) -> Said:
    times = (start / RATE, end / RATE)
    if times[1] - times[0] > WORD_SECONDS - 0.04:
        number = _number(samples, start)
        return Said(number, _SAYING[number % len(_SAYING)], *times)
    share = (times[1] - times[0]) / WORD_SECONDS
    whole = _SAYING[start % len(_SAYING)]  # of half a word anything may be guessed
    part = max(1, round(share * len(whole)))
    return Said(None, whole[-part:] if times[0] < seconds / 2 else whole[:part], *times)


def _number(samples: Samples, start: int) -> int:
    number = 0
    for digit in range(3):
        at = start + round((digit * _TONE + 0.015) * RATE)
        tone = samples[at : at + _WAVES.shape[1]].astype(np.float64)
        number = number << 4 | int(np.argmax(np.abs(_WAVES[:, : len(tone)] @ tone)))
    return number


# ── an engine ─────────────────────────────────────────────────────────────────────────────────────


@dataclass
class Ear:
    """Answers for the stand-in upstream: what is heard in the piece that came. A piece is heard once and
    remembered. `asked` holds the hash of every piece in the order they came; `refuse` is told how many came
    before and may say no.
    """

    delay: float = 0.0
    refuse: Callable[[int], Reply | None] = lambda _: None
    asked: list[str] = field(default_factory=list)
    _known: dict[str, Reply] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, file: bytes) -> Reply:
        name = hashlib.sha256(file).hexdigest()
        with self._lock:
            self.asked.append(name)
            if refused := self.refuse(len(self.asked) - 1):
                return refused
            if name not in self._known:
                self._known[name] = self._heard(file)
        return self._known[name]

    def _heard(self, file: bytes) -> Reply:
        with tempfile.NamedTemporaryFile() as held:
            held.write(file)
            held.flush()
            words, seconds = understood(Path(held.name))
        return transcript(words, seconds, delay=self.delay)


def transcript(words: Sequence[Said], seconds: float, *, delay: float = 0.0) -> Reply:
    """As Groq writes it: a segment ends where somebody breathes, or after a dozen seconds."""
    segments = [_segment(i, group) for i, group in enumerate(_phrases(words))]
    return heard(
        " ".join(word.text for word in words),
        delay=delay,
        duration=seconds,
        segments=segments,
        words=[{"word": f" {word.text}", "start": word.start, "end": word.end} for word in words],
    )


def _phrases(words: Sequence[Said]) -> Iterator[list[Said]]:
    phrase: list[Said] = []
    for word in words:
        if phrase and (word.start - phrase[-1].end > 0.4 or word.end - phrase[0].start > 12):
            yield phrase
            phrase = []
        phrase.append(word)
    if phrase:
        yield phrase


def _segment(number: int, words: Sequence[Said]) -> dict[str, object]:
    return {
        "id": number, "seek": 0, "start": words[0].start, "end": words[-1].end,
        "text": "".join(f" {word.text}" for word in words), "tokens": [50364, 1], "temperature": 0.0,
        "avg_logprob": -0.2, "compression_ratio": 1.2, "no_speech_prob": 0.01,
    }  # fmt: skip
