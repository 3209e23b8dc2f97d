"""What a test has opened in its event loop and must be closed in it, such as connections."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

_open: list[Callable[[], Awaitable[None]]] = []


def close_after_test(close: Callable[[], Awaitable[None]]) -> None:
    """Call `close` in the test's event loop, whatever becomes of the test."""
    _open.append(close)


async def close_all() -> None:
    while _open:
        await _open.pop()()
