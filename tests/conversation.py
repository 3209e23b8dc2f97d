"""A conversation whose truth is known: an English and a Spanish reader by turns, with the times of words."""

from __future__ import annotations

import subprocess
import wave
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from imageio_ffmpeg import get_ffmpeg_exe

from tests.recordings import ENGLISH, SPANISH
from tests.replies import Reply, transcription

RATE = 16_000
_WORD = 0.3  # seconds
_SEGMENT = 7.0  # seconds: longer than some turns, so that segments hold both speakers
_PAUSE = 0.4


@dataclass(frozen=True)
class Conversation:
    """`words` are word, start, end; those of the English reader begin with e, of the Spanish one with s."""

    path: Path
    words: list[tuple[str, float, float]]
    seconds: float

    def reply(self, start: float = 0.0, length: float | None = None) -> Reply:
        """What the engine answers of a piece: its words, and segments that know nothing of turns."""
        length = self.seconds - start if length is None else length
        words = [
            {"word": word, "start": first - start, "end": last - start}
            for word, first, last in self.words
            if start <= first and last <= start + length
        ]
        segments = [_segment(number, said) for number, said in enumerate(_segments(words))]
        text = " ".join(str(word["word"]) for word in words)
        return transcription(text, words=words, segments=segments, duration=length)


def make_conversation(folder: Path, *, turns: int = 6, times: int = 1, silence: float = 0.0) -> Conversation:
    """So many turns, `times` over, with `silence` seconds of a quiet room after each time."""
    english, spanish = decode(ENGLISH.path), [decode(recording.path) for recording in SPANISH]
    third = len(english) // 6 * 2
    thirds = english[:third], english[third : 2 * third], english[2 * third :]
    sounds = [sound for both in zip(thirds, spanish, strict=False) for sound in both]
    sound, words = bytearray(_silence(_PAUSE)), list[tuple[str, float, float]]()
    for repeat in range(times):
        for turn in range(turns):
            samples = sounds[(repeat * turns + turn) % len(sounds)]
            words += _words("es"[turn % 2], len(words), len(sound) / 2 / RATE, len(samples) / 2 / RATE)
            sound += samples + _silence(_PAUSE)
        sound += _quiet_room(silence)
    path = folder / f"conversation-{times}.wav"
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, RATE, 0, "NONE", ""))
        file.writeframes(bytes(sound))
    return Conversation(path, words, len(sound) / 2 / RATE)


def _quiet_room(seconds: float) -> bytes:
    """Noise that nobody hears; digital silence would not be sent to the engine."""
    samples = bytearray(round(seconds * RATE) * 2)
    samples[::2] = Random(7).randbytes(len(samples) // 2).translate(bytes(i % 12 for i in range(256)))
    return bytes(samples)


def _silence(seconds: float) -> bytes:
    return bytes(round(seconds * RATE) * 2)


def decode(path: Path) -> bytes:
    command = [get_ffmpeg_exe(), "-loglevel", "error", "-i", str(path), "-ac", "1", "-ar", str(RATE)]
    return subprocess.run([*command, "-f", "s16le", "pipe:1"], check=True, capture_output=True).stdout


def _words(letter: str, first: int, start: float, seconds: float) -> Iterator[tuple[str, float, float]]:
    count = round(seconds / _WORD)
    for i in range(count):
        yield f"{letter}{first + i}", start + i * seconds / count, start + (i + 1) * seconds / count


def _segments(words: list[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    said: list[dict[str, Any]] = []
    for word in words:
        if said and word["end"] - said[0]["start"] > _SEGMENT:
            yield said
            said = []
        said.append(word)
    if said:
        yield said


def _segment(number: int, said: list[dict[str, Any]]) -> dict[str, Any]:
    text = "".join(f" {word['word']}" for word in said)
    return {
        "id": number,
        "start": said[0]["start"],
        "end": said[-1]["end"],
        "text": text,
        "avg_logprob": -0.2,
        "compression_ratio": 1.2,
        "no_speech_prob": 0.01,
    }
