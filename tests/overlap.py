"""Ten seconds in which an English and a Spanish reader speak by turns and, in between, both at once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tests.recordings import ENGLISH_SHORT, SPANISH

RATE = 16_000
ENGLISH_SPEAKS = (0.5, 3.8)  # seconds
SPANISH_SPEAKS = (2.0, 9.2)


def two_readers() -> NDArray[np.float32]:
    sound = np.zeros(10 * RATE, np.float32)
    spanish = _samples_of(SPANISH[3].path).repeat(2)  # it has 8 kHz
    for samples, (start, _) in ((_samples_of(ENGLISH_SHORT.path), ENGLISH_SPEAKS), (spanish, SPANISH_SPEAKS)):
        first = int(start * RATE)
        sound[first : first + len(samples)] += samples
    return sound


def _samples_of(path: Path) -> NDArray[np.float32]:
    return np.frombuffer(path.read_bytes()[44:], "<i2").astype(np.float32) / np.float32(32_768)
