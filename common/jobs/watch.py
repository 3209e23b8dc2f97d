"""One job as it changes, for whoever watches: by SSE, by WebSocket, or waiting for the next change.

First how it stands, then every change in order; a watcher holds its place by `seq` alone, so that one who
falls behind costs nothing: it finds in the store what the others were told long ago.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager

from common.errors import Language
from common.jobs.actions import readable
from common.jobs.messages import PING, Message, news, snapshot
from common.models import Job, JobEvent
from common.ports import Listener
from common.services import Services


class Watch:
    """What one watcher is told; `ended` says, after the last message, whether the job has or we shut down."""

    def __init__(
        self, services: Services, job: Job, listener: Listener, *, after: int | None, language: Language
    ) -> None:
        self._services = services
        self._job = job
        self._listener = listener
        self._language = language
        # A place that this job has never reached, as after a restored backup, tells nothing.
        self._seq = after if after is not None and after <= job.seq else None
        self.ended = job.ended and self._seq == job.seq

    async def messages(self) -> AsyncGenerator[Message, None]:
        """The snapshot, or what came after the place that was given; then news; `ping` when there are none.

        A piece of text may come twice, in the snapshot and as news: it has the same index and is the same.
        """
        for message in await self._beginning():
            yield message
            self._listener.on_sent()
        while not self.ended:
            events = await self._news()
            for event in events:
                yield news(event, self._language)
                self._listener.on_sent()
            if not events:
                if self._listener.closing:
                    return
                yield PING

    async def changed(self) -> None:
        """Return once anything came after the given place."""
        async with aclosing(self.messages()) as messages:
            async for message in messages:
                if message is not PING:
                    return

    async def _beginning(self) -> list[Message]:
        if self._seq is None:
            return [await self._snapshot()]
        if self._seq == self._job.seq:
            return []
        events = self._passed(await self._stored())
        return [news(event, self._language) for event in events] or [await self._snapshot()]

    async def _snapshot(self) -> Message:
        pieces = await self._services.jobs.pieces(self._job.job_id)
        self._seq, self.ended = self._job.seq, self._job.ended
        return snapshot(self._job, pieces, self._language)

    async def _news(self) -> list[JobEvent]:
        """What came since, or nothing after a heartbeat's time or a closing."""
        return self._passed(await self._known() or await self._next())

    async def _known(self) -> list[JobEvent]:
        assert self._seq is not None
        events = self._listener.since(self._seq)
        return await self._stored() if events is None else events

    async def _next(self) -> list[JobEvent]:
        # In silence, too, another process may have gone on with the job.
        woken = await self._listener.news(self._services.settings.watch_heartbeat)
        return await (self._known() if woken else self._stored())

    async def _stored(self) -> list[JobEvent]:
        assert self._seq is not None
        return await self._services.jobs.events(self._job.job_id, after=self._seq)

    def _passed(self, events: list[JobEvent]) -> list[JobEvent]:
        if events:
            self._seq, self.ended = events[-1].seq, events[-1].job.ended
        return coalesced(events)


def coalesced(events: list[JobEvent]) -> list[JobEvent]:
    """States and texts, all of them; of mere progress only what nothing newer follows."""
    return [event for event in events if event.type != "progress" or event is events[-1]]


def seq_of(text: str | None) -> int | None:
    """The place a client says it has reached; None, which begins anew, for what is no place."""
    return int(text) if text and len(text) < 16 and text.isascii() and text.isdigit() else None


@asynccontextmanager
async def watching(
    services: Services, job_id: str, *, after: int | None, language: Language
) -> AsyncIterator[Watch]:
    """A watcher's place, for as long as the body runs. Raises JobNotFound, JobExpired, TooManyWatchers."""
    # Listening begins before the job is read, so that nothing falls between the two.
    with services.subscribers.listen(job_id) as listener:
        job = await readable(services, job_id)
        services.active.watchers += 1
        try:
            yield Watch(services, job, listener, after=after, language=language)
        finally:
            services.active.watchers -= 1
