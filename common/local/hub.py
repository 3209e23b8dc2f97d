"""Wakes those who watch jobs in this process; what happened stays in the store, only its last stretch here.

One short ring for each watched job, shared by all who watch it: a listener holds a place, never a queue.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from common.errors import TooManyWatchers
from common.models import JobEvent

# Events kept for those who are a moment behind; who is further behind reads the store.
_RING = 32


class Hub:
    """`in_all` bounds the listeners; each costs a connection's memory."""

    def __init__(self, *, in_all: int) -> None:
        self._in_all = in_all
        self._topics: dict[str, _Topic] = {}
        self._listeners = 0
        self._closing = False

    async def publish(self, event: JobEvent) -> None:
        """Keep the event in the ring of its job and wake who listens, if anybody does."""
        if topic := self._topics.get(event.job.job_id):
            topic.add(event)

    @contextmanager
    def listen(self, job_id: str) -> Iterator[HubListener]:
        """A listener's place. Raises TooManyWatchers."""
        topic = self._topics.get(job_id) or _Topic(closing=self._closing)
        if self._listeners >= self._in_all:
            raise TooManyWatchers
        self._topics[job_id] = topic
        self._listeners += 1
        topic.listeners += 1
        try:
            yield HubListener(topic)
        finally:
            self._listeners -= 1
            topic.listeners -= 1
            if not topic.listeners:
                del self._topics[job_id]

    def close(self) -> None:
        """Tell every listener, now and from now on, that it is over."""
        self._closing = True
        for topic in self._topics.values():
            topic.close()


@dataclass(slots=True)
class _Topic:
    closing: bool
    listeners: int = 0
    version: int = 0
    events: deque[JobEvent] = field(default_factory=lambda: deque(maxlen=_RING))
    _change: asyncio.Future[None] | None = None

    def add(self, event: JobEvent) -> None:
        last = self.events[-1].seq if self.events else event.seq - 1
        if event.seq > last + 1:
            # Somebody else's news have yet to come: the ring must not look whole.
            self.events.clear()
        if event.seq > last:
            self.events.append(event)
            self._wake()

    def close(self) -> None:
        self.closing = True
        self._wake()

    def change(self) -> asyncio.Future[None]:
        """Done at the next change; one for all who wait."""
        self._change = self._change or asyncio.get_running_loop().create_future()
        return self._change

    def _wake(self) -> None:
        self.version += 1
        if self._change:
            self._change.set_result(None)
            self._change = None


class HubListener:
    """One listener's place in a topic."""

    def __init__(self, topic: _Topic) -> None:
        self._topic = topic
        self._seen = topic.version

    @property
    def closing(self) -> bool:
        return self._topic.closing

    def on_sent(self) -> None:
        """What is sent arrives at once: there is no hurry to end."""

    def since(self, seq: int) -> list[JobEvent] | None:
        """The ring's events after `seq`; None when it begins later than that."""
        self._seen = self._topic.version
        events = self._topic.events
        if events and events[0].seq > seq + 1:
            return None
        return [event for event in events if event.seq > seq]

    async def news(self, seconds: float) -> bool:
        """Wait for what came since `since` was last asked."""
        if self._topic.version == self._seen and not self._topic.closing:
            # `wait`, since it leaves the future that others wait for alone when the time is up.
            await asyncio.wait([self._topic.change()], timeout=seconds)
        return self._topic.version != self._seen or self._topic.closing
