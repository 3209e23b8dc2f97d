"""Chunks of the segmentation whose truth is known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from common.speakers.chunks import Chunks, chunk_starts
from common.speakers.segmentation import FIRST, FRAME, FRAMES, SECONDS, VOICES


def chunks_of(spoken: Mapping[int, Sequence[tuple[float, float]]], *, seconds: float) -> Chunks:
    """Those of a recording in which each voice, 0 to 2, speaks from each start to its end."""
    starts = np.array(chunk_starts(0.0, seconds), np.float64)
    middles = starts[:, None] + FIRST + FRAME * np.arange(FRAMES)
    active = np.zeros((len(starts), FRAMES, VOICES), np.bool_)
    for voice, spans in spoken.items():
        for first, last in spans:
            active[..., voice] |= (first <= middles) & (middles < last)
    return Chunks(starts, np.minimum(starts + SECONDS, seconds), active)
