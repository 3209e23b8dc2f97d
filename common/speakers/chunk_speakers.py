"""Which speaker each voice of a chunk is: how much of a word each is heard in, and who speaks beside another.

Pure. A voice of a chunk is the speaker who has most of what it says alone, if that is half of what somebody
has of it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

import numpy as np

from common.speakers.chunks import Chunks
from common.speakers.features import Doubles
from common.speakers.segmentation import FIRST, FRAME, VOICES
from common.speakers.spectral import Labels
from common.speakers.windows import Span, join_spans

_LEAST = 0.1  # seconds: a shorter stretch is an edge
_NOBODY = -1

Turn = tuple[Span, int]


class SpeakersOfChunks:
    """`spans`, in order, and the speaker of each, from 0, as far as they are known."""

    def __init__(self, spans: Sequence[Span], speakers: Labels, chunks: Chunks) -> None:
        self._starts, self._ends = np.asarray(spans, np.float64).T
        self._speakers = speakers
        self._chunks = chunks.only(np.flatnonzero(chunks.active.any(axis=1).sum(axis=1) > 1))

    def shares(self, count: int) -> Doubles:
        """How much of each span each of `count` speakers is heard in (span, speaker).

        A chunk with one voice says nothing of whose it is.
        """
        shares = np.zeros((len(self._starts), count))
        for chunks, _, voices in self._known():
            chunk, span = self._spans_of(chunks)
            before = np.pad(np.cumsum(chunks.active, axis=1), ((0, 0), (1, 0), (0, 0)))
            first, last = (_frames(chunks, chunk, times[span]) for times in (self._starts, self._ends))
            lengths = np.maximum(self._ends[span] - self._starts[span], FRAME)
            heard = (before[chunk, last] - before[chunk, first]) * FRAME / lengths[:, None]
            for voice in range(VOICES):
                speaker = voices[chunk, voice]
                known = speaker != _NOBODY
                shares[span[known], speaker[known]] += heard[known, voice]
        return np.minimum(shares, 1)

    def beside(self) -> list[Turn]:
        """When a speaker is heard while the spans have another or nobody; in order."""
        spoken: dict[int, list[Span]] = defaultdict(list)
        for chunks, labels, voices in self._known():
            active = chunks.active & (voices != _NOBODY)[:, None]
            both = active.sum(axis=2) > 1
            for voice in range(VOICES):
                speaker = voices[:, voice, None]
                is_beside = active[..., voice] & ((both & (labels != speaker)) | (labels == _NOBODY))
                for one in np.unique(speaker[is_beside.any(axis=1)]).tolist():
                    spoken[one] += chunks.spans(is_beside & (speaker == one))
        joined = (
            (span, speaker) for speaker, spans in spoken.items() for span in join_spans(sorted(spans), _LEAST)
        )
        return sorted(turn for turn in joined if turn[0].end - turn[0].start >= _LEAST)

    def _known(self) -> Iterator[tuple[Chunks, Labels, Labels]]:
        """Blocks of chunks, with the speaker of each frame and of each voice."""
        for chunks in self._chunks.blocks():
            middles = chunks.middles()
            at = np.searchsorted(self._starts, middles, "right") - 1
            is_held = (at >= 0) & (middles < self._ends[at])
            labels = np.where(is_held, self._speakers[at], _NOBODY)
            yield chunks, labels, _speakers_of(chunks, labels)

    def _spans_of(self, chunks: Chunks) -> tuple[Labels, Labels]:
        """The spans that begin in each chunk: pairs of a chunk and a span."""
        first, last = (np.searchsorted(self._starts, times) for times in (chunks.starts, chunks.ends))
        chunk = np.repeat(np.arange(len(first)), last - first)
        return chunk, np.concatenate([np.arange(*bounds) for bounds in zip(first, last, strict=True)])


def _frames(chunks: Chunks, chunk: Labels, times: Doubles) -> Labels:
    """The first frame of a chunk whose middle lies at each time or after it."""
    frames = np.ceil((times - chunks.starts[chunk] - FIRST) / FRAME).astype(np.intp)
    return np.clip(frames, 0, chunks.active.shape[1])


def _speakers_of(chunks: Chunks, labels: Labels) -> Labels:
    """The speaker of each voice (chunk, voice); _NOBODY where none is known, or only one of the chunk."""
    count = int(labels.max()) + 1
    chunk, frame = np.nonzero((chunks.active.sum(axis=2) == 1) & (labels != _NOBODY))
    voice = chunks.active[chunk, frame].argmax(axis=1)
    said = np.bincount(
        (chunk * VOICES + voice) * count + labels[chunk, frame], minlength=len(labels) * VOICES * count
    )
    speakers = np.full((len(labels), VOICES), _NOBODY)
    for row, shared in zip(speakers, said.reshape(len(labels), VOICES, count), strict=True):
        found = _match(shared)
        if len(found) > 1:
            row[list(found)] = list(found.values())
    return speakers


def _match(shared: Labels) -> dict[int, int]:
    """Voices and their speakers, by the frames (voice, speaker) that they share: no two are one speaker."""
    half = (shared.sum(axis=1) / 2).tolist()
    found: dict[int, int] = {}
    places = np.argwhere(shared).tolist()
    counts = [(int(shared[voice, speaker]), voice, speaker) for voice, speaker in places]
    for count, voice, speaker in sorted(counts, reverse=True):
        if count >= half[voice] and voice not in found and speaker not in found.values():
            found[voice] = speaker
    return found
