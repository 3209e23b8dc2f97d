"""Who waits, and who is served next: callers in turn, each caller's requests in their order. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class WaitingLine(Generic[T]):
    """A caller with many requests delays another caller by one request at a time, not by all of them."""

    def __init__(self) -> None:
        self._by_caller: dict[str, deque[T]] = {}  # the next caller first; none is empty
        self._size = 0

    def __len__(self) -> int:
        return self._size

    def add(self, caller: str, item: T) -> None:
        self._by_caller.setdefault(caller, deque()).append(item)
        self._size += 1

    def discard(self, caller: str, item: T) -> None:
        """Remove `item` if it still waits."""
        items = self._by_caller.get(caller, deque())
        if item in items:
            items.remove(item)
            self._shrink(caller, items)

    def pop_next(self, may_go: Callable[[str], bool] = lambda _: True) -> tuple[str, T] | None:
        """The next in turn, with its caller, who `may_go`; its other requests wait for the next turn."""
        caller = next(filter(may_go, self._by_caller), None)
        if caller is None:
            return None
        items = self._by_caller.pop(caller)
        self._by_caller[caller] = items  # at the end
        item = items.popleft()
        self._shrink(caller, items)
        return caller, item

    def longest(self, newcomer: str) -> str | None:
        """The caller with the most requests; None unless it has two more than `newcomer`."""
        if not self._by_caller:
            return None
        caller = max(self._by_caller, key=lambda caller: len(self._by_caller[caller]))
        is_longer = len(self._by_caller[caller]) >= len(self._by_caller.get(newcomer, ())) + 2
        return caller if is_longer else None

    def pop_newest(self, caller: str) -> T:
        items = self._by_caller[caller]
        item = items.pop()
        self._shrink(caller, items)
        return item

    def _shrink(self, caller: str, items: deque[T]) -> None:
        self._size -= 1
        if not items:
            del self._by_caller[caller]
