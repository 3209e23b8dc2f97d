"""Notifies the watchers in this process; events stay in the store, only each job's latest are kept here.

One short buffer for each watched job, shared by all its watchers: a listener holds a place, never a queue.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from common.errors import TooManyWatchers
from common.models import JobEvent

# Events kept for listeners that are a moment behind; one that is further behind reads the store.
_BUFFERED_EVENTS = 32

# Seconds after which a refused watcher may try again: about as long as one long poll.
_RETRY_AFTER = 20.0


class Hub:
    """`Subscribers` in this process; each of at most `max_listeners` costs a connection's memory."""

    def __init__(self, *, max_listeners: int) -> None:
        self._max_listeners = max_listeners
        self._topics: dict[str, _Topic] = {}
        self._listeners = 0
        self._is_closing = False

    async def publish(self, event: JobEvent) -> None:
        """Buffer the event and notify the job's listeners, if there are any."""
        if topic := self._topics.get(event.job.job_id):
            topic.add(event)

    @contextmanager
    def listen(self, job_id: str) -> Iterator[HubListener]:
        """A listener until the block ends. Raises TooManyWatchers."""
        if self._listeners >= self._max_listeners:
            raise TooManyWatchers(retry_after=_RETRY_AFTER)
        topic = self._topics.setdefault(job_id, _Topic(is_closing=self._is_closing))
        self._listeners += 1
        topic.listeners += 1
        try:
            yield HubListener(topic)
        finally:
            self._listeners -= 1
            topic.listeners -= 1
            if not topic.listeners:
                del self._topics[job_id]

    def note_stored(self, job_id: str, seq: int) -> None:
        """Another process has stored an event of this job: its listeners find it in the store."""
        if topic := self._topics.get(job_id):
            topic.note_stored(seq)

    def note_gap(self) -> None:
        """Notices of other processes may have been lost: every listener looks into the store."""
        for topic in self._topics.values():
            topic.wake()

    def close(self) -> None:
        """Make every listener stop, those that come later too."""
        self._is_closing = True
        for topic in self._topics.values():
            topic.close()


@dataclass(slots=True)
class _Topic:
    """One watched job. `version` grows with each event and with the closing.

    `stored_seq` is the newest event that another process is known to have stored.
    """

    is_closing: bool
    listeners: int = 0
    version: int = 0
    stored_seq: int = 0
    events: deque[JobEvent] = field(default_factory=lambda: deque(maxlen=_BUFFERED_EVENTS))
    _change: asyncio.Future[None] | None = None

    def add(self, event: JobEvent) -> None:
        last = self.events[-1].seq if self.events else event.seq - 1
        if event.seq > last + 1:
            # An event between the two, of another process, is missing: the buffer must not look complete.
            self.events.clear()
        if event.seq > last:
            self.events.append(event)
            self._notify()

    def note_stored(self, seq: int) -> None:
        if seq > max(self.stored_seq, self.events[-1].seq if self.events else 0):
            self.stored_seq = seq
            self._notify()

    def close(self) -> None:
        self.is_closing = True
        self._notify()

    def next_change(self) -> asyncio.Future[None]:
        """Done at the next change; one future for all listeners that wait."""
        self._change = self._change or asyncio.get_running_loop().create_future()
        return self._change

    def wake(self) -> None:
        """End the waits of all listeners."""
        if self._change:
            self._change.set_result(None)
            self._change = None

    def _notify(self) -> None:
        self.version += 1
        self.wake()


class HubListener:
    """One listener's place in a topic."""

    def __init__(self, topic: _Topic) -> None:
        self._topic = topic
        self._seen_version = topic.version

    @property
    def is_closing(self) -> bool:
        return self._topic.is_closing

    def on_sent(self) -> None:
        """A message arrives as soon as it is sent, so the answer need not end."""

    def events_after(self, seq: int) -> list[JobEvent] | None:
        """The buffered events after `seq`; None when the buffer lacks any."""
        self._seen_version = self._topic.version
        events = self._topic.events
        if events and events[0].seq > seq + 1:
            return None
        if self._topic.stored_seq > max(seq, events[-1].seq if events else 0):
            return None
        return [event for event in events if event.seq > seq]

    async def wait(self, seconds: float) -> bool:
        """Wait for an event that is newer than the last call of `events_after`."""
        if self._topic.version == self._seen_version and not self._topic.is_closing:
            # `wait` leaves the future alone when the time is up: other listeners wait for it too.
            await asyncio.wait([self._topic.next_change()], timeout=seconds)
        return self._topic.version != self._seen_version or self._topic.is_closing
