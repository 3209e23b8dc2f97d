"""How many connections there may be, how long one may do nothing, and which one is closed for a newcomer."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """Times are in seconds.

    `header`: a whole request header must arrive within this time of the connection. `keep_alive`: how long a
    connection stays open between two requests. `stalled`: how long an answer waits for a client that does not
    read it. `shutdown`: how long a stop waits for the requests in progress.
    `connections` is how many there may be. `envelope_bytes` bounds the headers of a request, and what
    surrounds the data in a chunked body beyond a quarter of that data.
    """

    header: float = 10.0
    keep_alive: float = 75.0
    stalled: float = 30.0
    shutdown: float = 20.0
    connections: int = 512
    envelope_bytes: int = 32 * 1024


class Evictable(Protocol):
    """A connection that can be closed at once, because nothing is in progress on it."""

    def evict(self) -> None: ...


class IdleConnections:
    """The connections of one server on which nothing is in progress, oldest first.

    A connection leaves it when a request begins and when it is evicted.
    """

    def __init__(self) -> None:
        self._connections: dict[Evictable, None] = {}

    def __contains__(self, connection: Evictable) -> bool:
        return connection in self._connections

    def add(self, connection: Evictable) -> None:
        self._connections[connection] = None

    def discard(self, connection: Evictable) -> None:
        self._connections.pop(connection, None)

    def make_room(self, open_: Collection[object], *, limit: int, newcomer: Evictable) -> None:
        """Evict the oldest until `open_`, which each leaves as it is evicted, holds `limit` connections.

        The newcomer stays even when no other is idle: it may be the platform's health check.
        """
        if len(open_) <= limit:
            return
        for oldest in [connection for connection in self._connections if connection is not newcomer]:
            oldest.evict()
            if len(open_) <= limit:
                return


def cancel_timer(timer: asyncio.TimerHandle | None) -> None:
    if timer:
        timer.cancel()
