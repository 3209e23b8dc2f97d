"""The moment this process is asked to end: whoever must know is told then, not when all else is finished."""

from __future__ import annotations

from collections.abc import Callable


class StopSignal:
    """Told in the order in which they asked, in the event loop; each must be quick."""

    def __init__(self) -> None:
        self._acts: list[Callable[[], None]] = []

    def tell(self, act: Callable[[], None]) -> None:
        self._acts.append(act)

    def came(self) -> None:
        for act in self._acts:
            act()
