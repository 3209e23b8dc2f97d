"""Minutes of speech with known words, and which of a text are wrong: a program for the page's tests.

    python -m tests.long_speech make en 150 speech.wav    writes the recording, prints its words
    python -m tests.long_speech score < texts.json        prints the share of wrong words

Joined from the recordings of this folder, with pauses. A recording that was cut off is compared with that
beginning of its words that fits best.
"""

from __future__ import annotations

import json
import subprocess
import sys
from itertools import cycle
from pathlib import Path

import jiwer
from imageio_ffmpeg import get_ffmpeg_exe

from tests.recordings import ENGLISH, ENGLISH_SHORT, SPANISH, Recording, normalise

_OF = {"en": (ENGLISH, ENGLISH_SHORT), "es": SPANISH}
_PAUSE = 0.4  # seconds after each recording


def choose(language: str, seconds: float) -> list[Recording]:
    """As many, one after the other, as last so long."""
    chosen, length = list[Recording](), 0.0
    for recording in cycle(_OF[language]):
        if length >= seconds:
            return chosen
        chosen.append(recording)
        length += recording.seconds + _PAUSE
    raise AssertionError


def join(recordings: list[Recording], path: Path) -> None:
    inputs = [argument for each in recordings for argument in ("-i", str(each.path))]
    pads = ";".join(f"[{i}]aresample=48000,apad=pad_dur={_PAUSE}[a{i}]" for i in range(len(recordings)))
    joined = "".join(f"[a{i}]" for i in range(len(recordings))) + f"concat=n={len(recordings)}:v=0:a=1"
    command = [get_ffmpeg_exe(), "-v", "error", "-y", *inputs, "-filter_complex", f"{pads};{joined}"]
    subprocess.run([*command, "-ac", "1", "-sample_fmt", "s16", str(path)], check=True)


def word_error_rate(truth: str, text: str, *, is_cut_off: bool) -> float:
    """Words wrong, missing or too many, as a share of the words that were said."""
    words, heard = normalise(truth).split(), normalise(text)
    least = len(words) if not is_cut_off else max(1, len(heard.split()) * 3 // 4)
    beginnings = (" ".join(words[:count]) for count in range(least, len(words) + 1))
    return min(float(jiwer.wer(beginning, heard)) for beginning in beginnings)


def main(arguments: list[str]) -> None:
    if arguments[0] == "make":
        _, language, seconds, path = arguments
        recordings = choose(language, float(seconds))
        join(recordings, Path(path))
        print(" ".join(each.words for each in recordings))
    else:
        texts = json.load(sys.stdin)
        print(word_error_rate(texts["truth"], texts["text"], is_cut_off=texts["isCutOff"]))


if __name__ == "__main__":
    main(sys.argv[1:])
