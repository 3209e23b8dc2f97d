"""The one event loop of a sandbox: `asyncio.run` would leave the thread without one, and Mangum needs one."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from functools import cache
from typing import Any, TypeVar

T = TypeVar("T")


def run(work: Coroutine[Any, Any, T]) -> T:
    return current().run_until_complete(work)


def current() -> asyncio.AbstractEventLoop:
    """The loop, set as the thread's own; from Python 3.14 on none is there by itself."""
    loop = _loop()
    asyncio.set_event_loop(loop)
    return loop


@cache
def _loop() -> asyncio.AbstractEventLoop:
    return asyncio.new_event_loop()
