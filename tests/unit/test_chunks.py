"""Ten seconds at a time: digital silence is not heard, and costs nothing."""

from __future__ import annotations

from io import BytesIO

import numpy as np

from common.speakers.chunks import chunk_starts, find_speech, hear_chunks, join_chunks
from common.speakers.features import Floats
from common.speakers.segmentation import SECONDS, Segmentation
from common.speakers.weights import SEGMENTATION
from tests.overlap import ENGLISH_SPEAKS, SPANISH_SPEAKS, two_readers


class Counting(Segmentation):
    heard = 0

    def hear(self, samples: Floats) -> Floats:
        self.heard += len(samples)
        return super().hear(samples)


def test_only_chunks_with_sound_are_heard() -> None:
    """Of speech, the faint noise of a muted line, silence, and speech again."""
    noise = np.random.default_rng(2).uniform(-15, 15, len(two_readers())).astype("<i2")
    speech = (two_readers() * 32_767).astype("<i2")
    pcm = BytesIO(np.concatenate([speech, noise, np.zeros_like(speech), speech]).tobytes())
    segmentation = Counting(SEGMENTATION.read())
    starts = chunk_starts(0, 4 * SECONDS)
    chunks = join_chunks(list(hear_chunks(pcm, segmentation, starts, at=0, end=4 * SECONDS)))
    assert segmentation.heard == 2
    first, muted, silent, last = chunks.active
    assert (first == last).all()
    assert not muted.any()
    assert not silent.any()
    for span in find_speech(chunks):
        start = span.start % SECONDS
        assert ENGLISH_SPEAKS[0] - 0.1 < start < span.end % SECONDS < SPANISH_SPEAKS[1] + 0.1


def test_a_recording_that_is_all_silence_has_no_speech() -> None:
    segmentation = Counting(SEGMENTATION.read())
    pcm = BytesIO(bytes(int(2 * SECONDS * 16_000) * 2))
    chunks = join_chunks(
        list(hear_chunks(pcm, segmentation, chunk_starts(0, 2 * SECONDS), at=0, end=2 * SECONDS))
    )
    assert (segmentation.heard, find_speech(chunks)) == (0, [])
