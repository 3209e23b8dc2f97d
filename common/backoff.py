"""How long to wait before something that failed is tried again: pure arithmetic, for every retry in Escriba.

Why no library does this: docs/decisions/back-off.md.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Backoff:
    """The pauses after the first, second, … failure, in seconds; the last one repeats.

    `spread` is the share of a pause by which chance shortens or lengthens it, so that many that failed
    together do not come back together: 0 is exact, 0.5 gives 50 to 150 %, 1 gives 0 to 200 %.
    """

    pauses: tuple[float, ...]
    spread: float = 0.0

    def pause(self, failures: int, chance: float = 0.5) -> float:
        """Seconds to wait after so many `failures` (1 or more). `chance` is a random number from 0 to 1."""
        planned = self.pauses[min(failures, len(self.pauses)) - 1]
        return planned * (1 + self.spread * (2 * chance - 1))


def doubling(first: float, longest: float) -> tuple[float, ...]:
    """Pauses that begin with `first` and double until they reach `longest`."""
    pauses = [first]
    while pauses[-1] < longest:
        pauses.append(min(longest, 2 * pauses[-1]))
    return tuple(pauses)
