"""A value that is read at most so often, however many ask for it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Latest(Generic[T]):
    """All who ask within `seconds` of a reading get that one; who asks during a reading waits for it."""

    def __init__(self, *, seconds: float = 1.0, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._clock = clock
        self._value: T | None = None
        self._read_at = float("-inf")
        self._lock = asyncio.Lock()

    async def get(self, read: Callable[[], Awaitable[T]], *, seconds: float | None = None) -> T:
        """`seconds`: how old a reading may be for who asks."""
        longest = self._seconds if seconds is None else seconds
        async with self._lock:
            if self._value is None or self._clock() - self._read_at >= longest:
                self._value = await read()
                self._read_at = self._clock()
            return self._value
