"""`Subscribers` on API Gateway's WebSocket API: who watches which job is kept in the jobs' table.

Each watcher's item holds the last seq it was told, so that what one post loses the next one brings.
https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-how-to-call-websocket-api-connections.html
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress

from common.aws.clients import Clients
from common.aws.failures import Denied
from common.aws.table import Change, ConditionFailed, Item, Table
from common.errors import EscribaError, Language
from common.jobs.telling import news
from common.jobs.watch import coalesced
from common.log import log
from common.models import JobEvent

# A WebSocket lives two hours at most.
_LIFETIME = 2 * 3600
_LOOK_EVERY = 1.0


class Gone(Exception):
    """The one at the other end has left."""


class GatewaySubscribers:
    """`endpoint` is where messages to connections are posted; None where there is no WebSocket API.

    `stored(job_id, after=…)` answers events from the store. HTTP answers that wait do so for at most
    `longest` seconds, since API Gateway cuts them off at 30.
    """

    def __init__(
        self,
        clients: Clients,
        table: Table,
        endpoint: str | None,
        *,
        stored: Callable[..., Awaitable[list[JobEvent]]],
        longest: float = 20.0,
    ) -> None:
        self._clients = clients
        self._table = table
        self._endpoint = endpoint
        self._stored = stored
        self._longest = longest

    async def publish(self, event: JobEvent) -> None:
        """Tell every watcher of the job what it has not been told yet."""
        if self._endpoint is None:
            return
        try:
            watchers = await self._table.begins(_watched(event.job.job_id))
            await asyncio.gather(*(self._tell(watcher, event) for watcher in watchers))
        except EscribaError as exc:
            log("publish.failed", level="WARNING", jobId=event.job.job_id, code=exc.code)

    async def _tell(self, watcher: Item, event: JobEvent) -> None:
        connection, told = watcher["sk"], watcher["told"]
        if event.seq <= told:
            return
        events = [event]
        if event.seq > told + 1:
            events = coalesced(await self._stored(event.job.job_id, after=told))
        with suppress(EscribaError):
            await self.send(event.job.job_id, connection, events, language=watcher["language"])

    async def send(self, job_id: str, connection: str, events: list[JobEvent], *, language: Language) -> None:
        """Post events to one watcher and keep that it was told; whoever has left is forgotten."""
        try:
            for event in events:
                await self.post(connection, news(event, language).json)
        except Gone:
            await self.forget(connection)
            return
        if events:
            await self._told(job_id, connection, events[-1])

    async def _told(self, job_id: str, connection: str, event: JobEvent) -> None:
        if event.job.ended:
            await self._table.delete([(_watched(job_id), connection), (_watching(connection), job_id)])
            return
        change = Change(
            (_watched(job_id), connection), "SET told = :seq", "told < :seq", {":seq": event.seq}, {}
        )
        with suppress(ConditionFailed):
            await self._table.change(change)

    async def post(self, connection: str, message: str) -> None:
        """Raises Gone; Busy, StorageBroken."""
        try:
            await self._clients.call(
                "apigatewaymanagementapi",
                lambda gateway: gateway.post_to_connection(ConnectionId=connection, Data=message.encode()),
                self._endpoint,
            )
        except Denied as denied:
            raise Gone(connection) from denied

    async def watch(self, job_id: str, connection: str, *, told: int, language: Language) -> None:
        """From now on this connection is told what comes after seq `told`."""
        ttl = int(time.time()) + _LIFETIME
        first = {"pk": _watched(job_id), "sk": connection, "told": told, "language": language, "ttl": ttl}
        await self._table.put(first)
        await self._table.put({"pk": _watching(connection), "sk": job_id, "ttl": ttl})

    async def forget(self, connection: str) -> None:
        """It watches nothing any more; harmless twice."""
        watching = await self._table.begins(_watching(connection))
        await self._table.delete(
            key for item in watching for key in ((_watched(item["sk"]), connection), (item["pk"], item["sk"]))
        )

    @contextmanager
    def listen(self, job_id: str) -> Iterator[Polling]:  # noqa: ARG002 - the store is asked, whatever the job
        yield Polling(self._longest)


class Polling:
    """A listener where nobody calls: the store is looked at every second."""

    def __init__(self, longest: float) -> None:
        self._until = time.monotonic() + longest

    @property
    def closing(self) -> bool:
        return time.monotonic() >= self._until

    def since(self, seq: int) -> list[JobEvent] | None:  # noqa: ARG002 - only the store can tell
        return None

    async def news(self, seconds: float) -> bool:
        await asyncio.sleep(min(seconds, _LOOK_EVERY))
        return self.closing


def _watched(job_id: str) -> str:
    return f"watched#{job_id}"


def _watching(connection: str) -> str:
    return f"connection#{connection}"
