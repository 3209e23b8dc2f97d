"""Work that must not be left half done, and work that ends with something else."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Coroutine
from contextlib import asynccontextmanager, suppress
from typing import Any, TypeVar

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


@asynccontextmanager
async def background_task(work: Coroutine[Any, Any, None]) -> AsyncIterator[asyncio.Task[None]]:
    """A task for as long as the body runs."""
    task = asyncio.create_task(work)
    try:
        yield task
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
