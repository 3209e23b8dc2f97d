"""The child process that listens: embeds the windows of a stretch, or assigns a speaker to each word.

    python -m common.speakers.child embed 1 '{"at": 0.0, "windows": [[0.5, 2.1]]}' < pcm
    python -m common.speakers.child assign 1 '{"least": 1, "most": 9}' < request

It gives way to everything else, and its memory goes with it. The first line of its output is empty: from then
on it ends with the process whose number it was given. Each other line is base64 or JSON.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from base64 import b64encode
from collections.abc import Iterator
from typing import Any, BinaryIO

_NICE = 10
_PR_SET_PDEATHSIG = 1  # https://man7.org/linux/man-pages/man2/PR_SET_PDEATHSIG.2const.html


def main() -> None:
    command, server, given = sys.argv[1], int(sys.argv[2]), json.loads(sys.argv[3])
    _end_with_server(server)
    os.nice(_NICE)
    sys.stdout.write("\n")
    sys.stdout.flush()
    for line in {"embed": _embed, "assign": _assign}[command](given, sys.stdin.buffer):
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()


def _end_with_server(server: int) -> None:
    """A child that the server has stopped would not notice that the server was killed, and stay for ever."""
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != server:  # it was killed before that call
            sys.exit(1)


def _embed(given: Any, pcm: BinaryIO) -> Iterator[str]:
    """A packed embedding each line; `at` is the recording's second where the sound begins."""
    from common.speakers.embedding import embed_windows
    from common.speakers.encoder import VoiceEncoder
    from common.speakers.packing import pack
    from common.speakers.weights import VOICE_ENCODER
    from common.speakers.windows import Span

    at = given["at"]
    windows = [Span(*window) for window in given["windows"]]
    inside = [Span(start - at, end - at) for start, end in windows]
    encoder = VoiceEncoder(VOICE_ENCODER.read())
    for window, embedding in zip(windows, embed_windows(pcm, inside, encoder), strict=True):
        yield b64encode(pack(window, embedding)).decode()


def _assign(given: Any, request: BinaryIO) -> Iterator[str]:
    """`[first word, speaker]` each time that the speaker changes; then what is in doubt.

    The request is a line of JSON, the words' times, and the packed embeddings.
    """
    from common.speakers.assignment import assign_speakers
    from common.speakers.packing import unpack
    from common.speakers.windows import Span

    words = [Span(*word) for word in json.loads(request.readline())]
    times, voices = unpack(request.read())
    assigned = assign_speakers(words, times, voices, least=given["least"], most=given["most"])
    for index, speaker in enumerate(assigned.speakers):
        if not index or speaker != assigned.speakers[index - 1]:
            yield json.dumps([index, speaker])
    yield json.dumps({"doubt": assigned.doubt})


if __name__ == "__main__":
    main()
