"""One job as it changes, for one watcher: by SSE, by WebSocket, or by long polling.

First the job as it is, then every change in order. A watcher's place is a `seq` and nothing else, so one that
falls behind costs no memory: it finds in the store what the others were sent before.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Iterable
from contextlib import aclosing, asynccontextmanager

from common.errors import Language, StoreUnavailable, TooManyWatchers
from common.jobs.actions import get_readable
from common.jobs.messages import PING, Message, event_message, snapshot_message
from common.jobs.text_state import is_final
from common.models import Job, JobEvent, Piece
from common.services import Services
from common.subscribers_port import Listener

# Seconds after which a client that watches too much may try again: about as long as one long poll.
_WATCHERS_RETRY = 20.0


class Watch:
    """What one watcher is sent. `is_over`: the job has ended, no speakers are to come, and the
    watcher was sent that."""

    def __init__(
        self, services: Services, job: Job, listener: Listener, *, after: int | None, language: Language
    ) -> None:
        self._services = services
        self._job = job
        self._listener = listener
        self._language = language
        # A place that this job has never reached, as after a restored backup, means nothing.
        self._seq = after if after is not None and after <= job.seq else None
        self.is_over = is_final(job) and self._seq == job.seq

    async def messages(self) -> AsyncGenerator[Message, None]:
        """The snapshot, or what came after `after`; then each change; `ping` when there is none for a while.

        A piece of text may come twice, in the snapshot and as an event: its index and its text are the same.
        """
        while (first := await self._reach_first_messages()) is None:
            if self._listener.is_closing:
                return
            yield PING
        for message in first:
            yield message
            self._listener.on_sent()
        while not self.is_over:
            events = await self._next_events()
            for event in events:
                yield event_message(event, self._language)
                self._listener.on_sent()
            if not events:
                if self._listener.is_closing:
                    return
                yield PING

    async def wait_for_change(self) -> None:
        """Return once there is anything after `after`."""
        async with aclosing(self.messages()) as messages:
            async for message in messages:
                if message is not PING:
                    return

    async def _reach_first_messages(self) -> list[Message] | None:
        """None while the store is away."""
        try:
            return await self._first_messages()
        except StoreUnavailable as away:
            await self._wait_for_store(away)
            return None

    async def _first_messages(self) -> list[Message]:
        if self._seq is None:
            return [await self._snapshot()]
        if self._seq == self._job.seq:
            return []
        events = self._advance(await self._read_stored())
        return [event_message(event, self._language) for event in events] or [await self._snapshot()]

    async def _snapshot(self) -> Message:
        pieces = await self._services.jobs.pieces(self._job.job_id)
        if self._job.revision and (result := await self._services.jobs.result(self._job.job_id)):
            from common.text.correction import correct_pieces

            pieces = correct_pieces(pieces, result)
        newest = await self._services.jobs.events(self._job.job_id, after=self._job.seq - 1)
        self._seq, self.is_over = self._job.seq, is_final(self._job)
        partial = find_partial(newest, pieces, seq=self._job.seq)
        return snapshot_message(self._job, pieces, self._language, partial=partial)

    async def _next_events(self) -> list[JobEvent]:
        """The events since the last, or none after a heartbeat's time or once the listener closes.

        None either while the store is away: the watcher stays, and finds later what it missed.
        """
        try:
            return self._advance(await self._read() or await self._wait_and_read())
        except StoreUnavailable as away:
            await self._wait_for_store(away)
            return []

    async def _wait_for_store(self, away: StoreUnavailable) -> None:
        await self._listener.wait(away.retry_after or self._services.settings.watch_heartbeat)

    async def _read(self) -> list[JobEvent]:
        assert self._seq is not None
        events = self._listener.events_after(self._seq)
        return await self._read_stored() if events is None else events

    async def _wait_and_read(self) -> list[JobEvent]:
        # Without a notification, too, another process may have changed the job.
        is_notified = await self._listener.wait(self._services.settings.watch_heartbeat)
        return await (self._read() if is_notified else self._read_stored())

    async def _read_stored(self) -> list[JobEvent]:
        assert self._seq is not None
        return await self._services.jobs.events(self._job.job_id, after=self._seq)

    def _advance(self, events: list[JobEvent]) -> list[JobEvent]:
        if events:
            self._seq, self.is_over = events[-1].seq, is_final(events[-1].job)
        return drop_superseded(events)


def find_partial(events: Iterable[JobEvent], pieces: Iterable[Piece], *, seq: int) -> JobEvent | None:
    """The event `seq` where it has a part of a piece that is not among `pieces`."""
    done = {piece.index for piece in pieces}
    candidates = (event for event in events if event.seq == seq and event.type == "progress")
    return next((event for event in candidates if event.text is not None and event.index not in done), None)


def drop_superseded(events: list[JobEvent]) -> list[JobEvent]:
    """All states and texts, but mere progress only where nothing newer follows it."""
    return [event for event in events if event.type != "progress" or event is events[-1]]


def parse_seq(text: str | None) -> int | None:
    """The place that a client says it has reached; None, which starts from the snapshot, for other text."""
    return int(text) if text and len(text) < 16 and text.isascii() and text.isdigit() else None


def _too_many_watchers() -> TooManyWatchers:
    return TooManyWatchers(retry_after=_WATCHERS_RETRY)


@asynccontextmanager
async def open_watch(
    services: Services, job_id: str, *, after: int | None, language: Language, caller: str = ""
) -> AsyncIterator[Watch]:
    """A watcher's place for `caller`, for as long as the body runs.

    Raises JobNotFound, JobExpired, TooManyWatchers.
    """
    # Listening begins before the job is read, so that no change falls between the two.
    watchers = services.ledger.pool("watchers")
    with watchers.take(caller, _too_many_watchers), services.subscribers.listen(job_id) as listener:
        job = await get_readable(services, job_id)
        services.active.watchers += 1
        try:
            yield Watch(services, job, listener, after=after, language=language)
        finally:
            services.active.watchers -= 1
