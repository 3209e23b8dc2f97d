"""Speech whose words are numbers, and an engine of Groq's speed that hears them; for the page's tests.

    python -m tests.spoken_numbers 120 speech.wav

Writes the recording, prints a line of JSON with the engine's `url` and the `ends` of the words in seconds,
and serves until its input ends. The engine decodes the sound of each piece: it hears what was recorded.
"""

from __future__ import annotations

import json
import sys
import wave
from dataclasses import replace
from pathlib import Path
from tempfile import NamedTemporaryFile

from tests.coded_speech import RATE, WORD_SECONDS, DecodedWord, decode, speech, transcript, word_times
from tests.replies import Reply
from tests.upstream import Upstream

_DELAY = 0.4  # seconds that Groq takes for so short a recording


def recognise(file: bytes) -> Reply:
    with NamedTemporaryFile() as copy:
        copy.write(file)
        copy.flush()
        words, seconds = decode(Path(copy.name))
    return transcript([_name(word) for word in words], seconds, delay=_DELAY)


def _name(word: DecodedWord) -> DecodedWord:
    return word if word.number is None else replace(word, text=f"number{word.number}")


def write(seconds: float, path: Path) -> None:
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, RATE, 0, "NONE", ""))
        file.writeframes(speech(seconds).tobytes())


def main(seconds: float, path: Path) -> None:
    write(seconds, path)
    with Upstream() as upstream:
        upstream.recognise = recognise
        ends = [start + WORD_SECONDS for start in word_times(seconds)]
        print(json.dumps({"url": upstream.url, "ends": ends}), flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main(float(sys.argv[1]), Path(sys.argv[2]))
