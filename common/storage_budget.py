"""How many bytes of a budget the files of one folder take, whichever threads change the folder at once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from common.errors import StorageFull


class StorageBudget:
    """A step that changes or counts the folder runs under one lock with the account of it.

    A count therefore sees a file either in the folder and in the account, or in neither. Steps are quick:
    what takes long, such as a copy or an fsync, stays outside.
    """

    def __init__(self, budget_bytes: int) -> None:
        self._budget_bytes = budget_bytes
        self._lock = threading.Lock()
        self._stored = 0
        self._reserved = 0

    @property
    def used_bytes(self) -> int:
        """Bytes in the folder, and those reserved for files that are on their way into it."""
        return self._stored + self._reserved

    @contextmanager
    def reserve(self, measure: Callable[[], int]) -> Iterator[Reservation]:
        """Reserve the bytes that `measure` returns until the block ends. Raises StorageFull."""
        with self._lock:
            size_bytes = max(0, measure())
            if size_bytes and self.used_bytes + size_bytes > self._budget_bytes:
                raise StorageFull
            self._reserved += size_bytes
        reservation = Reservation(self, size_bytes)
        try:
            yield reservation
        finally:
            self.change(lambda: 0, reservation)

    def change(self, step: Callable[[], int], reservation: Reservation | None = None) -> None:
        """Run a step that returns by how many bytes the folder grew, and free what was reserved for it."""
        with self._lock:
            self._stored += step()
            if reservation:
                self._reserved -= reservation.size_bytes
                reservation.size_bytes = 0

    def recount(self, count: Callable[[], int]) -> None:
        """Take the bytes that `count` finds in the folder for what is stored there."""
        with self._lock:
            self._stored = count()


class Reservation:
    """`size_bytes` of the budget, held for one file."""

    def __init__(self, budget: StorageBudget, size_bytes: int) -> None:
        self._budget = budget
        self.size_bytes = size_bytes

    def store(self, step: Callable[[], int]) -> None:
        """Run the step that brings the file into the folder and returns by how many bytes it grew."""
        self._budget.change(step, self)
