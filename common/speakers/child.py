"""The child process that listens: embeds the voices of a stretch, or assigns a speaker to each word.

    python -m common.speakers.child embed 1 '{"at": 0.0, "words": [[0.5, 2.1]], …}' < pcm
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
from typing import BinaryIO

_NICE = 10
_PR_SET_PDEATHSIG = 1  # https://man7.org/linux/man-pages/man2/PR_SET_PDEATHSIG.2const.html


def main() -> None:
    command, server, given = sys.argv[1], int(sys.argv[2]), sys.argv[3]
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


def _embed(given: str, pcm: BinaryIO) -> Iterator[str]:
    """Twice: how many lines follow, then a line each. First who speaks when, for each ten seconds, then a
    packed embedding for each window."""
    from common.speakers.chunks import chunk_starts, find_speech, hear_chunks, join_chunks
    from common.speakers.embedding import embed_windows
    from common.speakers.encoder import VoiceEncoder
    from common.speakers.packing import pack, pack_chunks
    from common.speakers.segmentation import Segmentation
    from common.speakers.speech import between_words
    from common.speakers.stretch import Stretch
    from common.speakers.weights import SEGMENTATION, VOICE_ENCODER

    stretch = Stretch.from_json(given)
    start, end = stretch.heard(os.fstat(pcm.fileno()).st_size)
    starts = chunk_starts(start, end)
    yield str(len(starts))
    heard = []
    for chunks in hear_chunks(pcm, Segmentation(SEGMENTATION.read()), starts, at=stretch.at, end=end):
        heard.append(chunks)
        yield from (b64encode(packed).decode() for packed in pack_chunks(chunks))
    speech = find_speech(join_chunks(heard)) if heard else []
    windows = stretch.windows(between_words(speech, stretch.words))
    yield str(len(windows))
    encoder = VoiceEncoder(VOICE_ENCODER.read())
    for window, embedding in embed_windows(pcm, windows, encoder, at=stretch.at):
        yield b64encode(pack(window, embedding)).decode()


def _assign(given: str, request: BinaryIO) -> Iterator[str]:
    """`[first word, speaker]` each time that the speaker changes, `[start, end, speaker]` where speech has no
    words, then what warnings need.

    The request is a line of JSON, the words' times, and what `_embed` wrote.
    """
    from common.speakers.windows import Span
    from common.speakers.wordless import assign_turns

    bounds = json.loads(given)
    words = [Span(*word) for word in json.loads(request.readline())]
    assigned = assign_turns(words, request.read(), least=bounds["least"], most=bounds["most"])
    for index, speaker in enumerate(assigned.speakers):
        if not index or speaker != assigned.speakers[index - 1]:
            yield json.dumps([index, speaker])
    for span, speaker in assigned.wordless:
        yield json.dumps([*span, speaker])
    yield json.dumps({"doubt": assigned.doubt, "unwritten": assigned.unwritten})


if __name__ == "__main__":
    main()
