"""Readings as an event stream for admins: every four seconds where they differ, else now and then."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

from starlette.responses import Response

from common.access.caller import Caller
from common.errors import TooManyWatchers
from common.http.sse import EventWriter, encode_event, encode_retry, send_while_allowed
from common.monitoring.now import read_now
from common.monitoring.view import View, now_view
from common.services import Services
from common.subscribers_port import Listener

# Seconds between two looks. All streams of this process share a reading that is no older.
_EVERY, _SHARED_FOR = 4.0, 3.9
# What alone makes no news.
_CLOCKS = frozenset(
    {"at", "uptimeSeconds", "memoryBytes", "oldestDueSeconds", "fullInSeconds", "waitSeconds"}
)
# Milliseconds after which a browser connects again.
_RETRY = 2000
_NO_JOB = "admin"  # nobody publishes events of it


class NowEvents(Response):
    """Sends readings until the client leaves, its key ends or the server stops; takes a watcher's place."""

    def __init__(self, services: Services, admin: Caller) -> None:
        super().__init__()
        self._services = services
        self._admin = admin

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:  # noqa: ARG002
        services = self._services
        places = services.ledger.pool("watchers").take(self._admin.client, _refuse)
        with places, services.subscribers.listen(_NO_JOB) as listener:
            services.active.watchers += 1
            try:
                await send_while_allowed(
                    services.access.connections.hold(self._admin),
                    EventWriter(send),
                    lambda writer: _send(services, listener, writer),
                    receive,
                )
            finally:
                services.active.watchers -= 1


def _refuse() -> TooManyWatchers:
    return TooManyWatchers(retry_after=_RETRY / 1000)


async def _send(services: Services, listener: Listener, writer: EventWriter) -> None:
    await writer.write(encode_retry(_RETRY))
    async with aclosing(_read_changes(services, listener)) as changes:
        async for change in changes:
            await writer.write(encode_event(change))
            listener.on_sent()
    await writer.end()


async def _read_changes(services: Services, listener: Listener) -> AsyncGenerator[str, None]:
    """Each reading that differs from the last, as JSON; and one after a heartbeat's time without any."""
    last, sent_at = None, time.monotonic()
    while not listener.is_closing:
        view = now_view(services, await read_now(services, max_age=_SHARED_FOR))
        content = _without_clocks(view)
        if content != last or time.monotonic() - sent_at >= services.settings.watch_heartbeat:
            last, sent_at = content, time.monotonic()
            yield json.dumps(view, ensure_ascii=False, separators=(",", ":"))
        await listener.wait(_EVERY)


def _without_clocks(view: View) -> View:
    return {
        name: _without_clocks(value) if isinstance(value, dict) else value
        for name, value in view.items()
        if name not in _CLOCKS
    }
