"""`Subscribers` on API Gateway's WebSocket API: the jobs' table holds which connection watches which job.

Each watcher's item holds the last seq it was sent, so that what one post loses the next one brings.
https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-how-to-call-websocket-api-connections.html
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress

from common.aws.clients import Clients
from common.aws.errors import AwsRefusal
from common.aws.polling_listener import PollingListener
from common.aws.table import ConditionFailed, Table
from common.aws.table_requests import Item, Key, Update
from common.aws.websocket_frames import split_into_frames
from common.errors import EscribaError, Language, TooManyWatchers
from common.jobs.messages import PING, event_message
from common.jobs.text_state import is_final
from common.jobs.watch import drop_superseded
from common.log import log
from common.models import JobEvent

# A WebSocket lives two hours at most.
_LIFETIME = 2 * 3600
_POSTS_AT_ONCE = 16
# Watchers of one job: each is a post more for every commit.
_MAX_WATCHERS = 100
# Seconds that a commit waits for its watchers; those that got nothing by then get it with the next event.
_PUBLISH_TIMEOUT = 3.0

_WATCHERS = "watcher"  # their partition of the index of what expires
_LAST_SEQ = "told"  # a watcher's attribute, by the name it is stored under


class Gone(Exception):
    """The client has closed the connection."""


class GatewaySubscribers:
    """`endpoint` is where messages to connections are posted; None where there is no WebSocket API.

    `read_events(job_id, after=…)` reads events from the store. HTTP answers wait for events for at most
    `longest_wait` seconds, since API Gateway cuts them off at 30.
    """

    def __init__(
        self,
        clients: Clients,
        table: Table,
        endpoint: str | None,
        *,
        read_events: Callable[..., Awaitable[list[JobEvent]]],
        longest_wait: float = 20.0,
    ) -> None:
        self._clients = clients
        self._table = table
        self._endpoint = endpoint
        self._read_events = read_events
        self._longest_wait = longest_wait

    # ── sending ───────────────────────────────────────────────────────────────────────────────────

    async def publish(self, event: JobEvent) -> None:
        """Send every watcher of the job the events that it has not been sent yet."""
        if self._endpoint is None:
            return
        try:
            async with asyncio.timeout(_PUBLISH_TIMEOUT):
                watchers = await self._table.query_partition(_watched(event.job.job_id))
                await self._for_each(watchers, lambda watcher: self._send_since_last(watcher, event))
        except (EscribaError, TimeoutError) as exc:
            reason = exc.code if isinstance(exc, EscribaError) else "slow"
            log("publish.failed", level="WARNING", jobId=event.job.job_id, reason=reason)

    async def ping_watchers(self, *, until: float) -> None:
        """Send every watcher what it has missed, or else a ping, and forget those that are gone."""
        if self._endpoint is None:
            return
        index_items = await self._table.query(
            "expiring = :all AND expires_at > :now",
            {":all": _WATCHERS, ":now": time.time()},
            index="expiring",
        )
        for first in range(0, len(index_items), 100):
            if time.time() >= until:
                return
            batch = await self._table.read_again(index_items[first : first + 100])
            await self._for_each(batch, self._send_missed_or_ping)

    async def _send_missed_or_ping(self, watcher: Item) -> None:
        missed = await self._read_events(_job_id_of(watcher), after=watcher[_LAST_SEQ])
        if missed:
            await self._send(watcher, drop_superseded(missed))
        else:
            await self._post_or_forget(watcher["sk"], [PING.json])

    async def _send_since_last(self, watcher: Item, event: JobEvent) -> None:
        last: int = watcher[_LAST_SEQ]
        if event.seq <= last:
            return
        is_next = event.seq == last + 1
        events = [event] if is_next else await self._read_events(event.job.job_id, after=last)
        await self._send(watcher, drop_superseded(events))

    async def _send(self, watcher: Item, events: list[JobEvent]) -> None:
        language: Language = watcher["language"]
        frames = [
            frame for event in events for frame in split_into_frames(event_message(event, language).json)
        ]
        if not await self._post_or_forget(watcher["sk"], frames):
            return
        last = events[-1]
        if is_final(last.job):
            await self._table.delete(_keys(last.job.job_id, watcher["sk"]))
            return
        key = (watcher["pk"], watcher["sk"])
        with suppress(ConditionFailed):
            await self._table.update(
                Update(key, "SET #last = :seq", "#last < :seq", {":seq": last.seq}, {"#last": _LAST_SEQ})
            )

    async def _post_or_forget(self, connection: str, messages: list[str]) -> bool:
        try:
            for message in messages:
                await self.post(connection, message)
        except Gone:
            await self.forget(connection)
            return False
        return True

    async def post(self, connection: str, message: str) -> None:
        """Raises Gone; Busy, StorageBroken."""
        try:
            await self._clients.call(
                "apigatewaymanagementapi",
                lambda gateway: gateway.post_to_connection(ConnectionId=connection, Data=message.encode()),
                self._endpoint,
            )
        except AwsRefusal as refusal:
            raise Gone(connection) from refusal

    async def _for_each(self, watchers: list[Item], act: Callable[[Item], Awaitable[None]]) -> None:
        """A few at once; what cannot be sent now is sent with the next event."""
        slots = asyncio.Semaphore(_POSTS_AT_ONCE)

        async def act_in_turn(watcher: Item) -> None:
            async with slots:
                with suppress(EscribaError):
                    await act(watcher)

        await asyncio.gather(*(act_in_turn(watcher) for watcher in watchers))

    # ── watchers ──────────────────────────────────────────────────────────────────────────────────

    async def check_room(self, job_id: str, connection: str) -> None:
        """Raises TooManyWatchers when so many others watch this job that one more would slow it down."""
        watchers = await self._table.query(
            "pk = :pk", {":pk": _watched(job_id)}, limit=_MAX_WATCHERS + 1, consistent=True, only="sk"
        )
        if sum(watcher["sk"] != connection for watcher in watchers) >= _MAX_WATCHERS:
            raise TooManyWatchers

    async def watch(self, job_id: str, connection: str, *, last_seq: int, language: Language) -> None:
        """Send this connection every event after `last_seq`: those that came meanwhile at once.

        It watches one job at a time: the one before is forgotten.
        """
        ends_at = int(time.time()) + _LIFETIME
        pk, sk = _watched(job_id), connection
        watcher = {"pk": pk, "sk": sk, _LAST_SEQ: last_seq, "language": language, "ttl": ends_at}
        await self._table.put({**watcher, "expiring": _WATCHERS, "expires_at": ends_at})
        await self._table.put({"pk": _watching(connection), "sk": job_id, "ttl": ends_at})
        await self.forget(connection, except_job=job_id)
        if missed := await self._read_events(job_id, after=last_seq):
            await self._send(watcher, drop_superseded(missed))

    async def forget(self, connection: str, *, except_job: str | None = None) -> None:
        """It watches nothing any more but `except_job`; harmless twice."""
        for item in await self._table.query_partition(_watching(connection)):
            if item["sk"] != except_job:
                await self._table.delete(_keys(item["sk"], connection))

    @contextmanager
    def listen(self, job_id: str) -> Iterator[PollingListener]:  # noqa: ARG002 - it reads the store
        yield PollingListener(self._longest_wait)


def _watched(job_id: str) -> str:
    return f"watched#{job_id}"


def _watching(connection: str) -> str:
    return f"connection#{connection}"


def _job_id_of(watcher: Item) -> str:
    return str(watcher["pk"]).removeprefix("watched#")


def _keys(job_id: str, connection: str) -> list[Key]:
    return [(_watched(job_id), connection), (_watching(connection), job_id)]
