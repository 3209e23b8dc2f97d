"""Recordings in which every word is a number, coded as three tones, and an engine that decodes them.

The engine's answer comes from the sound of the piece that it gets, so a cut in the wrong place, a missing
piece and a repeated word all show in the words and their times.
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
from tests.replies import Reply, transcription

RATE = 16_000
_WORDS = ENGLISH.words.split()
NUMBERS = 4096 // len(_WORDS) * len(_WORDS)  # after these, numbers start again at 0

_TONE = 0.08  # seconds
WORD_SECONDS = 3 * _TONE
_PITCHES = 600 + 150 * np.arange(16)  # Hz; the hexadecimal digits
_AMPLITUDE = 9_000
_WAVES = np.exp(-2j * np.pi * np.outer(_PITCHES, np.arange(round(0.05 * RATE)) / RATE))
_FRAME = 80  # samples: five milliseconds
_THRESHOLD = 2_400  # of 32 767; a frame with a sample above it holds sound

Samples = npt.NDArray[np.int16]


@dataclass(frozen=True, slots=True)
class DecodedWord:
    """One word: its number (None if a cut divides it), its times in seconds, and what is left of its text."""

    number: int | None
    text: str
    start: float
    end: float


def word_times(seconds: float, *, seed: int = 1) -> list[float]:
    """The start of each word: about two a second, a short pause after a few, and sometimes a long silence."""
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
    """The first `count` words: one text, over and over."""
    return [_WORDS[number % len(_WORDS)] for number in range(count)]


def speech(seconds: float, *, seed: int = 1) -> Samples:
    """The words 0, 1, 2 … at their times, with a little noise."""
    random = np.random.default_rng(seed)
    track = random.integers(-30, 30, round(seconds * RATE), dtype=np.int16)
    for number, time in enumerate(word_times(seconds, seed=seed)):
        at = round(time * RATE)
        word = _word(number % NUMBERS)
        track[at : at + len(word)] += word
    return track


def speech_file(media: Media, name: str, options: str, seconds: float) -> Path:
    """Such speech as a file; `options` are ffmpeg's for its codec."""
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
    tones = [_AMPLITUDE * fade * np.sin(2 * np.pi * _PITCHES[digit] * clock) for digit in digits]
    return np.concatenate(tones).astype(np.int16)


# ── decoding ──────────────────────────────────────────────────────────────────────────────────────


def decode(path: Path) -> tuple[list[DecodedWord], float]:
    """The words of a file, on its own clock, and its duration in seconds."""
    samples = np.frombuffer(pcm(path, RATE), dtype=np.int16)
    seconds = len(samples) / RATE
    return [_decode_word(samples, start, end, seconds) for start, end in _find_sounds(samples)], seconds


def _find_sounds(samples: Samples) -> Iterator[tuple[int, int]]:
    """The start and end of each sound, in samples; gaps within a word are bridged, clicks ignored."""
    frames = samples[: len(samples) // _FRAME * _FRAME].reshape(-1, _FRAME).max(axis=1)
    loud = np.flatnonzero(frames > _THRESHOLD)
    if not len(loud):
        return
    breaks = np.flatnonzero(np.diff(loud) > 8)
    for first, last in zip(
        np.concatenate([[0], breaks + 1]), np.concatenate([breaks, [len(loud) - 1]]), strict=True
    ):
        start, end = int(loud[first]) * _FRAME, (int(loud[last]) + 1) * _FRAME
        if end - start > 0.02 * RATE:
            yield start, end


def _decode_word(samples: Samples, start: int, end: int, seconds: float) -> DecodedWord:
    times = (start / RATE, end / RATE)
    if times[1] - times[0] > WORD_SECONDS - 0.04:
        number = _decode_number(samples, start)
        return DecodedWord(number, _WORDS[number % len(_WORDS)], *times)
    share = (times[1] - times[0]) / WORD_SECONDS
    whole = _WORDS[start % len(_WORDS)]  # an engine may guess anything of half a word
    part = max(1, round(share * len(whole)))
    return DecodedWord(None, whole[-part:] if times[0] < seconds / 2 else whole[:part], *times)


def _decode_number(samples: Samples, start: int) -> int:
    number = 0
    for digit in range(3):
        at = start + round((digit * _TONE + 0.015) * RATE)
        tone = samples[at : at + _WAVES.shape[1]].astype(np.float64)
        number = number << 4 | int(np.argmax(np.abs(_WAVES[:, : len(tone)] @ tone)))
    return number


# ── an engine ─────────────────────────────────────────────────────────────────────────────────────


@dataclass
class ToneRecogniser:
    """For `Upstream.recognise`: decodes the words of a piece, and caches the reply.

    `hashes` has the SHA-256 of every piece in the order of the requests. `refuse` gets the number of requests
    before this one, and may return another reply.
    """

    delay: float = 0.0
    refuse: Callable[[int], Reply | None] = lambda _: None
    hashes: list[str] = field(default_factory=list)
    _cache: dict[str, Reply] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, file: bytes) -> Reply:
        name = hashlib.sha256(file).hexdigest()
        with self._lock:
            self.hashes.append(name)
            if refusal := self.refuse(len(self.hashes) - 1):
                return refusal
            if name not in self._cache:
                self._cache[name] = self._recognise(file)
        return self._cache[name]

    def _recognise(self, file: bytes) -> Reply:
        with tempfile.NamedTemporaryFile() as copy:
            copy.write(file)
            copy.flush()
            words, seconds = decode(Path(copy.name))
        return transcript(words, seconds, delay=self.delay)


def transcript(words: Sequence[DecodedWord], seconds: float, *, delay: float = 0.0) -> Reply:
    """A reply in Groq's format: a segment ends at a pause, or after a dozen seconds."""
    segments = [_segment(i, group) for i, group in enumerate(_phrases(words))]
    return transcription(
        " ".join(word.text for word in words),
        delay=delay,
        duration=seconds,
        segments=segments,
        words=[{"word": f" {word.text}", "start": word.start, "end": word.end} for word in words],
    )


def _phrases(words: Sequence[DecodedWord]) -> Iterator[list[DecodedWord]]:
    phrase: list[DecodedWord] = []
    for word in words:
        if phrase and (word.start - phrase[-1].end > 0.4 or word.end - phrase[0].start > 12):
            yield phrase
            phrase = []
        phrase.append(word)
    if phrase:
        yield phrase


def _segment(number: int, words: Sequence[DecodedWord]) -> dict[str, object]:
    return {
        "id": number, "seek": 0, "start": words[0].start, "end": words[-1].end,
        "text": "".join(f" {word.text}" for word in words), "tokens": [50364, 1], "temperature": 0.0,
        "avg_logprob": -0.2, "compression_ratio": 1.2, "no_speech_prob": 0.01,
    }  # fmt: skip
