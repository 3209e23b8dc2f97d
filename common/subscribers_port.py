"""What a deployment target must offer to notify watchers."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Protocol

from common.models import JobEvent


class Subscribers(Protocol):
    """The watchers that are connected right now."""

    async def publish(self, event: JobEvent) -> None:
        """Notify the job's listeners: best effort; it never raises and never waits for a slow listener."""

    def listen(self, job_id: str) -> AbstractContextManager[Listener]:
        """A listener for one job until the block ends. Raises TooManyWatchers on entering."""


class Listener(Protocol):
    """Notifies one watcher of changes of one job. The events themselves are also in the store."""

    @property
    def is_closing(self) -> bool:
        """Whether the watcher must stop, since the process shuts down or its own time is up."""

    def on_sent(self) -> None:
        """A message went to the watcher. Where an answer arrives only once it ends, it now has to end."""

    def events_after(self, seq: int) -> list[JobEvent] | None:
        """Every published event after `seq`, in order, without a gap; None when only the store has them."""

    async def wait(self, seconds: float) -> bool:
        """Wait for the next event, or the closing, for at most `seconds`; False when neither came."""
