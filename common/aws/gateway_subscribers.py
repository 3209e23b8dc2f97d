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
from common.aws.frames import frames
from common.aws.table import Change, ConditionFailed, Item, Table
from common.errors import EscribaError, Language, TooManyWatchers
from common.jobs.messages import PING, event_message
from common.jobs.watch import drop_superseded
from common.log import log
from common.models import JobEvent

# A WebSocket lives two hours at most.
_LIFETIME = 2 * 3600
_LOOK_EVERY = 1.0
_AT_ONCE = 16
# Watchers of one job: each is a post more for every commit.
_MOST = 100
# Seconds that a commit waits for those who watch; who was not told by then is told with the next news.
_TELLING = 3.0

_WATCHERS = "watcher"  # their partition of the index of what expires


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

    # ── telling ───────────────────────────────────────────────────────────────────────────────────

    async def publish(self, event: JobEvent) -> None:
        """Tell every watcher of the job what it has not been told yet."""
        if self._endpoint is None:
            return
        try:
            async with asyncio.timeout(_TELLING):
                watchers = await self._table.begins(_watched(event.job.job_id))
                await self._each(watchers, lambda watcher: self._tell(watcher, event))
        except (EscribaError, TimeoutError) as exc:
            reason = exc.code if isinstance(exc, EscribaError) else "slow"
            log("publish.failed", level="WARNING", jobId=event.job.job_id, reason=reason)

    async def beat(self, *, until: float) -> None:
        """A sign of life to every watcher: what it has missed, or a ping; those who left are forgotten."""
        if self._endpoint is None:
            return
        named = await self._table.query(
            "expiring = :all AND expires_at > :now",
            {":all": _WATCHERS, ":now": time.time()},
            index="expiring",
        )
        keys = [(item["pk"], item["sk"]) for item in named]
        for first in range(0, len(keys), 100):
            if time.time() >= until:
                return
            await self._each(await self._table.get_all(keys[first : first + 100]), self._visit)

    async def _visit(self, watcher: Item) -> None:
        missed = await self._stored(_job_of(watcher), after=watcher["told"])
        if missed:
            await self._send(watcher, drop_superseded(missed))
        else:
            await self._post_or_forget(watcher["sk"], [PING.json])

    async def _tell(self, watcher: Item, event: JobEvent) -> None:
        told: int = watcher["told"]
        if event.seq <= told:
            return
        missed = [event] if event.seq == told + 1 else await self._stored(event.job.job_id, after=told)
        await self._send(watcher, drop_superseded(missed))

    async def _send(self, watcher: Item, events: list[JobEvent]) -> None:
        language: Language = watcher["language"]
        messages = [frame for event in events for frame in frames(event_message(event, language).json)]
        if not await self._post_or_forget(watcher["sk"], messages):
            return
        last = events[-1]
        if last.job.has_ended:
            await self._table.delete(_keys(last.job.job_id, watcher["sk"]))
            return
        key = (watcher["pk"], watcher["sk"])
        with suppress(ConditionFailed):
            await self._table.change(Change(key, "SET told = :seq", "told < :seq", {":seq": last.seq}, {}))

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
        except Denied as denied:
            raise Gone(connection) from denied

    async def _each(self, watchers: list[Item], act: Callable[[Item], Awaitable[None]]) -> None:
        """A few at once; who cannot be told now is told with the next news."""
        places = asyncio.Semaphore(_AT_ONCE)

        async def one(watcher: Item) -> None:
            async with places:
                with suppress(EscribaError):
                    await act(watcher)

        await asyncio.gather(*(one(watcher) for watcher in watchers))

    # ── who watches ───────────────────────────────────────────────────────────────────────────────

    async def check_room(self, job_id: str, connection: str) -> None:
        """Raises TooManyWatchers when so many others watch this job that one more would slow it down."""
        watchers = await self._table.query(
            "pk = :pk", {":pk": _watched(job_id)}, limit=_MOST + 1, consistent=True, only="sk"
        )
        if sum(watcher["sk"] != connection for watcher in watchers) >= _MOST:
            raise TooManyWatchers

    async def watch(self, job_id: str, connection: str, *, told: int, language: Language) -> None:
        """From now on this connection is told what comes after seq `told`; what came meanwhile, at once.

        It watches one job at a time: the one before is let go.
        """
        ends_at = int(time.time()) + _LIFETIME
        pk, sk = _watched(job_id), connection
        first = {"pk": pk, "sk": sk, "told": told, "language": language, "ttl": ends_at}
        await self._table.put({**first, "expiring": _WATCHERS, "expires_at": ends_at})
        await self._table.put({"pk": _watching(connection), "sk": job_id, "ttl": ends_at})
        await self.forget(connection, but=job_id)
        if missed := await self._stored(job_id, after=told):
            await self._send(first, drop_superseded(missed))

    async def forget(self, connection: str, *, but: str | None = None) -> None:
        """It watches nothing any more, `but` that job; harmless twice."""
        for item in await self._table.begins(_watching(connection)):
            if item["sk"] != but:
                await self._table.delete(_keys(item["sk"], connection))

    @contextmanager
    def listen(self, job_id: str) -> Iterator[Polling]:  # noqa: ARG002 - the store is asked, whatever the job
        yield Polling(self._longest)


class Polling:
    """A listener where nobody calls: the store is looked at every second, for `longest` seconds.

    An answer through API Gateway arrives as a whole: with the first news it had better end. An EventSource
    comes back by itself, and has them all a moment after they came.
    """

    def __init__(self, longest: float) -> None:
        self._until = time.monotonic() + longest

    @property
    def is_closing(self) -> bool:
        return time.monotonic() >= self._until

    def on_sent(self) -> None:
        self._until = 0.0

    def events_after(self, seq: int) -> list[JobEvent] | None:  # noqa: ARG002 - only the store can tell
        return None

    async def wait(self, seconds: float) -> bool:
        if not self.is_closing:
            await asyncio.sleep(min(seconds, _LOOK_EVERY))
        return self.is_closing


def _watched(job_id: str) -> str:
    return f"watched#{job_id}"


def _watching(connection: str) -> str:
    return f"connection#{connection}"


def _job_of(watcher: Item) -> str:
    return str(watcher["pk"]).removeprefix("watched#")


def _keys(job_id: str, connection: str) -> list[tuple[str, str]]:
    return [(_watched(job_id), connection), (_watching(connection), job_id)]
