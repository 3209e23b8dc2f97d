"""The moment at which this process must stop, for the parts that act then and not at the very end."""

from __future__ import annotations

from collections.abc import Callable


class StopSignal:
    """Calls its subscribers in the event loop, in the order in which they subscribed; each must be quick."""

    def __init__(self) -> None:
        self._subscribers: list[Callable[[], None]] = []

    def subscribe(self, act: Callable[[], None]) -> None:
        self._subscribers.append(act)

    def notify(self) -> None:
        for act in self._subscribers:
            act()
