"""The moment at which this process must stop, for the parts that act then and not at the very end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from common.errors import EscribaError, ServerStopping

_RESTART = 5.0  # seconds, until another process is likely to listen


def server_stopping() -> EscribaError:
    """The answer to a request that cannot be finished."""
    return ServerStopping(retry_after=_RESTART)


class StopSignal:
    """Calls its subscribers in the event loop, in the order in which they subscribed; each must be quick."""

    def __init__(self) -> None:
        self._subscribers: list[Callable[[], None]] = []

    def subscribe(self, act: Callable[[], None]) -> None:
        self._subscribers.append(act)

    def subscribe_later(self, seconds: float, act: Callable[[], None]) -> None:
        """Call `act` so long after the signal, if the process has not ended by then."""
        self.subscribe(lambda: _call_later(seconds, act))

    def notify(self) -> None:
        for act in self._subscribers:
            act()


def _call_later(seconds: float, act: Callable[[], None]) -> None:
    asyncio.get_running_loop().call_later(seconds, act)
