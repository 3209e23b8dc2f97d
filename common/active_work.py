"""What this process is doing right now, counted for /health, and whether any of it is urgent."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass(slots=True)
class ActiveWork:
    """`requests`, `jobs` and `listening` change by `count` alone: it tells the observers at once."""

    requests: int = 0  # that bring a recording, from their headers to the end of the answer
    transcriptions: int = 0
    jobs: int = 0
    listening: int = 0  # of requests and jobs, those that listen to voices
    watchers: int = 0
    run_seconds: float = 30.0  # what a run of a job is expected to take
    _observers: list[Callable[[], None]] = field(default_factory=list)

    @property
    def is_urgent(self) -> bool:
        """Whether somebody waits for a text, rather than for its speakers."""
        return self.requests + self.jobs > self.listening

    def count(self, *, requests: int = 0, jobs: int = 0, listening: int = 0) -> None:
        """So many begin; below zero, so many end."""
        was_urgent = self.is_urgent
        self.requests += requests
        self.jobs += jobs
        self.listening += listening
        if self.is_urgent != was_urgent:
            for observer in tuple(self._observers):
                observer()

    @contextmanager
    def listen(self) -> Iterator[None]:
        """A request or a job has its text, and waits for its speakers."""
        self.count(listening=1)
        try:
            yield
        finally:
            self.count(listening=-1)

    @contextmanager
    def observe(self, observer: Callable[[], None]) -> Iterator[None]:
        """Calls `observer` whenever urgent work begins or ends, before `count` returns."""
        self._observers.append(observer)
        try:
            yield
        finally:
            self._observers.remove(observer)

    def note_run(self, seconds: float) -> None:
        """Each run counts for a fifth of what is expected of the next."""
        self.run_seconds += (seconds - self.run_seconds) / 5
