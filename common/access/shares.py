"""How much of a pool of places one caller may hold, so that no caller takes them all."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from common.errors import EscribaError


@dataclass(slots=True)
class Shares:
    """The places of one pool in this process, of which each caller may hold `most`.

    `refusal` makes the error. A caller without a name is bounded by the pool alone.
    """

    most: float = math.inf
    refusal: Callable[[], EscribaError] = EscribaError
    _held: Counter[str] = field(default_factory=Counter)

    @contextmanager
    def take(self, caller: str) -> Iterator[None]:
        """One place for `caller` while the block runs. Raises what `refusal` makes."""
        if caller and self._held[caller] >= self.most:
            raise self.refusal()
        self._held[caller] += 1
        try:
            yield
        finally:
            self._held[caller] -= 1
            if not self._held[caller]:
                del self._held[caller]


def share_of(places: int, share: float) -> int:
    """How many of `places` one caller may hold: at least one."""
    return max(1, int(places * share))
