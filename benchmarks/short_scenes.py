"""Short recordings of one, two and three voices: how many people speak is hardest to tell there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from benchmarks.voices import Scene

_SOUND: dict[str, dict[str, object]] = {
    "clear": {},
    "telephone": {"phone": True},
    "noise": {"noise_db": 15.0},
    "telephone, noise": {"phone": True, "noise_db": 15.0},
}
_ALONE = (5, 10, 25, 60, 120)  # seconds
_TOGETHER = {2: (10, 15, 20, 30, 60), 3: (30, 60, 120)}
_EACH = 12  # recordings of each number and length
_FILL = 0.95  # a recording ends with the clip that reaches its length


def short_scenes(readers: Sequence[str], seed: int) -> Iterator[Scene]:
    """Two of each reader alone and each length, then some of several readers, in turns short or long."""
    kinds = list(_SOUND)
    random, number = np.random.default_rng(seed), 0
    for which, reader in enumerate(readers):
        for step, seconds in enumerate(_ALONE):
            for kind in (kinds[(which + step) % 4], kinds[(which + step + 2) % 4]):
                number += 1
                yield _scene((reader,), seconds, kind, seed + number, turn=(3.0, 12.0))
    for count, lengths in _TOGETHER.items():
        for seconds in lengths:
            for each in range(_EACH):
                number += 1
                chosen = tuple(str(name) for name in random.choice(readers, count, replace=False))
                turn = (1.5, 4.0) if seconds <= 20 or each % 3 == 0 else (3.0, 8.0)
                yield _scene(chosen, seconds, kinds[each % 4], seed + number, turn=turn)


def _scene(readers: tuple[str, ...], seconds: int, kind: str, seed: int, turn: tuple[float, float]) -> Scene:
    name = f"{len(readers)} · {seconds} s"
    return Scene(name, readers, seconds * _FILL, turn=turn, seed=seed, **_SOUND[kind])  # type: ignore[arg-type]
