"""Reads the 16-bit samples that ffmpeg made of a stretch."""

from __future__ import annotations

from typing import BinaryIO

import numpy as np

from common.speakers.features import Floats

_BYTES = 2  # of a sample


def read_samples(pcm: BinaryIO, first: int, count: int) -> Floats:
    """`count` samples (−1 to 1) from the one at `first` on; fewer where the sound ends."""
    pcm.seek(first * _BYTES)
    raw = pcm.read(count * _BYTES)
    samples = np.frombuffer(raw[: len(raw) // _BYTES * _BYTES], "<i2")
    return samples.astype(np.float32) / np.float32(32_768)
