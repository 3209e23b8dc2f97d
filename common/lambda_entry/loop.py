"""The one event loop of a sandbox: `asyncio.run` would leave the thread without one, and Mangum needs one."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from functools import cache
from typing import Any, TypeVar

T = TypeVar("T")


def run(work: Coroutine[Any, Any, T]) -> T:
    return ready().run_until_complete(work)


def ready() -> asyncio.AbstractEventLoop:
    """The loop, in its place; newer Pythons no longer put one there by themselves."""
    loop = _loop()
    asyncio.set_event_loop(loop)
    return loop


@cache
def _loop() -> asyncio.AbstractEventLoop:
    return asyncio.new_event_loop()
