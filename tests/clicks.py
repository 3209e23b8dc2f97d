"""A recording of clicks at known times, which shows where its pieces really start."""

from __future__ import annotations

import math
import random
from array import array

import numpy as np

RATE = 16_000
_THRESHOLD = 6_000  # of 32 767: above the noise, below the clicks


def click_times(seconds: float) -> list[float]:
    """In seconds; at uneven distances, so that no click can be taken for the next one."""
    return [second + 0.2 + 0.07 * (second % 11) for second in range(int(seconds) - 1)]


def click_track(seconds: float) -> bytes:
    """16-bit samples at RATE: clicks over silence and noise in turn, so that bit rates vary."""
    rng = random.Random(1)
    noise = array("h", [rng.randint(-600, 600) for _ in range(RATE)]).tobytes()
    quiet = bytes(len(noise))
    track = bytearray(
        b"".join(noise if (second // 11) % 2 else quiet for second in range(math.ceil(seconds)))
    )
    click = _click()
    for time in click_times(seconds):
        at = round(time * RATE) * 2
        track[at : at + len(click)] = click
    return bytes(track[: round(seconds * RATE) * 2])


def _click() -> bytes:
    wave = (
        20_000 * math.sin(2 * math.pi * 2_000 * n / RATE) * math.exp(-n / (0.004 * RATE))
        for n in range(RATE // 50)
    )
    return array("h", [int(sample) for sample in wave]).tobytes()


def find_clicks(samples: memoryview) -> list[float]:
    """The times of the clicks among 16-bit samples at RATE, on their own clock."""
    times, at = list[float](), 0
    for loud in np.flatnonzero(np.frombuffer(samples, dtype=np.int16) > _THRESHOLD).tolist():
        if loud >= at:
            times.append(loud / RATE)
            at = loud + RATE // 20
    return times
