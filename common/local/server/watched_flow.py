"""Notices that a client has left while nothing is read from it: asyncio reports the end only to a reader."""

from __future__ import annotations

import asyncio
import fcntl
import select
import termios
from collections.abc import Callable
from typing import Any

from uvicorn.protocols.http.flow_control import FlowControl

_INTERVAL = 0.5  # seconds
_ENDED = getattr(select, "POLLRDHUP", 0)  # the client sends no more; known to Linux alone
_LOST = select.POLLHUP | select.POLLERR


class WatchedFlow(FlowControl):
    """uvicorn's flow control; while it does not read, it looks at the socket now and then.

    `body_left` says how much of the announced body is missing; 0 where the app may answer without it.
    """

    def __init__(self, transport: asyncio.Transport, body_left: Callable[[], int]) -> None:
        super().__init__(transport)
        self._body_left = body_left
        self._timer: asyncio.TimerHandle | None = None

    def pause_reading(self) -> None:
        super().pause_reading()
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(_INTERVAL, self._look)

    def _look(self) -> None:
        self._timer = None
        if not self.read_paused or self._transport.is_closing():
            return
        if _has_left(self._transport.get_extra_info("socket"), self._body_left()):
            self._transport.abort()
        else:
            self._timer = asyncio.get_running_loop().call_later(_INTERVAL, self._look)


def _has_left(connection: Any, body_left: int) -> bool:
    """Whether the connection broke, or ended before all of the body had come.

    A client may close its sending side after the whole body, and wait for the answer.
    """
    poll = select.poll()
    poll.register(connection, _ENDED)
    events = next((events for _, events in poll.poll(0)), 0)
    if events & _LOST:
        return True
    return bool(events & _ENDED) and _unread_bytes(connection) < body_left


def _unread_bytes(connection: Any) -> int:
    return int.from_bytes(fcntl.ioctl(connection.fileno(), termios.FIONREAD, bytes(4)), "little")
