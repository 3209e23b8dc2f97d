"""A recording of clicks at times that are known, to see where the pieces of it really begin."""

from __future__ import annotations

import math
import random
from array import array
from pathlib import Path

from tests.media import pcm

RATE = 16_000
_LOUD = 6_000  # of 32 767: above the noise, below the clicks
_BLOCK = RATE // 200


def click_times(seconds: float) -> list[float]:
    """Uneven, so that no click can be taken for its neighbour."""
    return [second + 0.2 + 0.07 * (second % 11) for second in range(int(seconds) - 1)]


def click_track(seconds: float) -> bytes:
    """16-bit samples at RATE: quiet and noisy stretches in turn, so that bit rates vary, and the clicks."""
    dice = random.Random(1)
    noise = array("h", [dice.randint(-600, 600) for _ in range(RATE)]).tobytes()
    quiet = bytes(len(noise))
    track = bytearray(
        b"".join(noise if (second // 20) % 2 else quiet for second in range(math.ceil(seconds)))
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


def heard(path: Path) -> list[float]:
    """When the clicks of a file sound, on its own clock."""
    samples, times, at = pcm(path, RATE), list[float](), 0
    while at < len(samples):
        block = samples[at : at + _BLOCK]
        if max(block) > _LOUD:
            times.append((at + next(n for n, sample in enumerate(block) if sample > _LOUD)) / RATE)
            at += RATE // 20
        at += _BLOCK
    return times
