"""What the segmentation hears, ten seconds at a time: which of up to three voices speak when."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray

from common.speakers.features import RATE, Doubles, Floats
from common.speakers.samples import read_samples
from common.speakers.segmentation import FIRST, FRAME, FRAMES, SECONDS, VOICES, Segmentation, activity
from common.speakers.windows import Span, join_spans

Active = NDArray[np.bool_]

_SAMPLES = round(SECONDS * RATE)
_BATCH = 12  # chunks that are heard at once: two minutes of sound
_BLOCK = 60  # chunks that are looked at together: of hours, all at once would take much memory

# Of the loudest sample, −66 dBFS: every microphone is louder, and lines over less are not kept as text.
_QUIETEST = 16 / 2**15

_SILENCE = 0.1  # seconds of silence that end speech
_LEAST = 0.25  # seconds of speech


class Chunks(NamedTuple):
    """Where each begins and ends, in seconds and in order; `active` (chunk, frame, voice).

    The voices of one are not those of another.
    """

    starts: Doubles
    ends: Doubles
    active: Active

    def middles(self) -> Doubles:
        """The time of each frame (chunk, frame)."""
        return self.starts[:, None] + FIRST + FRAME * np.arange(self.active.shape[1])

    def spans(self, frames: Active) -> Iterator[Span]:
        """The stretches whose `frames` (chunk, frame) are true; one ends with its chunk."""
        edges = np.diff(frames, prepend=False, append=False)
        chunk, frame = np.nonzero(edges)
        times = self.starts[chunk] + FIRST + FRAME * (frame - 0.5)
        times = np.clip(times, self.starts[chunk], self.ends[chunk])
        for start, end in times.reshape(-1, 2).tolist():
            if start < end:
                yield Span(start, end)

    def blocks(self) -> Iterator[Chunks]:
        for first in range(0, len(self.starts), _BLOCK):
            yield self.only(slice(first, first + _BLOCK))

    def only(self, which: slice | NDArray[np.intp]) -> Chunks:
        return Chunks(self.starts[which], self.ends[which], self.active[which])


def chunk_starts(start: float, end: float) -> list[float]:
    """Where the chunks between two times begin."""
    return np.arange(start, end, SECONDS).tolist()


def hear_chunks(
    pcm: BinaryIO, segmentation: Segmentation, starts: Sequence[float], *, at: float, end: float
) -> Iterator[Chunks]:
    """Some at a time, up to the second `end`. `pcm` holds 16-bit samples from the second `at` on.

    In digital silence nobody speaks: it costs nothing.
    """
    for first in range(0, len(starts), _BATCH):
        begin = np.array(starts[first : first + _BATCH], np.float64)
        ends = np.minimum(begin + SECONDS, end)
        samples = np.stack([_read(pcm, *span) for span in zip(begin - at, ends - at, strict=True)])
        active = np.zeros((len(samples), FRAMES, VOICES), np.bool_)
        is_sound = np.abs(samples).max(axis=1) >= _QUIETEST
        active[is_sound] = activity(segmentation.hear(samples[is_sound]))
        yield Chunks(begin, ends, active)


def join_chunks(parts: Sequence[Chunks]) -> Chunks:
    """Those of one recording, heard one after the other; at least one."""
    return Chunks(*map(np.concatenate, zip(*parts, strict=True)))


def _read(pcm: BinaryIO, start: float, end: float) -> Floats:
    """The samples of a chunk; silence fills up the last one."""
    samples = read_samples(pcm, round(start * RATE), round((end - start) * RATE))
    filled = np.zeros(_SAMPLES, np.float32)
    filled[: len(samples)] = samples
    return filled


def find_speech(chunks: Chunks) -> list[Span]:
    """The stretches in which anybody speaks."""
    spoken = (span for block in chunks.blocks() for span in block.spans(np.any(block.active, axis=2)))
    return [span for span in join_spans(spoken, _SILENCE) if span.end - span.start >= _LEAST]
