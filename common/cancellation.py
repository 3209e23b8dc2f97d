"""Work that must not be left half done: a cancellation waits until it has ended."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

T = TypeVar("T")


async def run_to_end(work: Awaitable[T]) -> T:
    """The result of `work`. A CancelledError that comes meanwhile is raised once `work` has ended."""
    running = asyncio.ensure_future(work)
    cancellation: asyncio.CancelledError | None = None
    while not running.done():
        try:
            await asyncio.wait([running])
        except asyncio.CancelledError as exc:
            cancellation = exc
    if cancellation is None:
        return running.result()
    if not running.cancelled():
        running.exception()  # retrieved, so that asyncio does not report it as never retrieved
    raise cancellation
