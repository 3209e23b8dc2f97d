"""What instances tell each other: a commit's NOTIFY, and the connection that listens while the database is in
use.

A notice only wakes: the instance that gets one asks the store. So a lost one costs time and nothing else.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from common.backoff import Backoff
from common.errors import EscribaError, StoreUnavailable
from common.models import Job, Status
from common.postgres.database import Database

if TYPE_CHECKING:
    from asyncpg import Connection

_CHANNEL = "escriba"
_RECONNECT = Backoff((0.5, 1.0, 2.0, 5.0))


@dataclass(frozen=True, slots=True)
class Notice:
    """A job's commit on another instance."""

    job_id: str
    seq: int
    status: Status


def write_notice(origin: str, job: Job) -> str:
    return f"{origin or '-'} {job.job_id} {job.seq} {job.status}"


def read_notice(text: str, *, origin: str) -> Notice | None:
    """None for what this instance sent itself, and for what another version sends in another form."""
    parts = text.split(" ")
    if len(parts) < 4 or parts[0] == origin or not parts[2].isdigit():
        return None
    status: Any = parts[3]
    return Notice(parts[1], int(parts[2]), status)


class Notices:
    """Listens while the database is in use. `on_notice` gets each notice of another instance.

    `on_connect` is called whenever listening begins: what happened before is not among them.
    """

    def __init__(
        self,
        database: Database,
        *,
        origin: str,
        on_notice: Callable[[Notice], None],
        on_connect: Callable[[], None],
    ) -> None:
        self._database = database
        self._origin = origin
        self._on_notice = on_notice
        self._on_connect = on_connect
        self._used = asyncio.Event()
        database.on_use.append(self._used.set)
        database.on_recovery.append(self._used.set)

    async def run(self) -> None:
        """Listen until cancelled, with a pause while the database is idle."""
        failures = 0
        while True:
            await self._used.wait()
            try:
                await self._listen()
                failures = 0
            except EscribaError:
                failures += 1
                await asyncio.sleep(_RECONNECT.pause(failures))
            if not self._database.idle_in:
                self._used.clear()

    async def _listen(self) -> None:
        """Listen until the database is idle. Raises StoreUnavailable when the connection is lost."""
        connection = await self._database.connect()
        lost = asyncio.Event()
        try:
            connection.add_termination_listener(lambda _: lost.set())
            await self._subscribe(connection)
            self._on_connect()
            while not lost.is_set() and (seconds := self._database.idle_in):
                with suppress(TimeoutError):
                    async with asyncio.timeout(seconds):
                        await lost.wait()
            if lost.is_set():
                raise StoreUnavailable
        finally:
            connection.terminate()

    async def _subscribe(self, connection: Connection) -> None:
        def receive(_: Any, __: int, ___: str, text: object) -> None:
            if notice := read_notice(str(text), origin=self._origin):
                self._on_notice(notice)

        try:
            await connection.add_listener(_CHANNEL, receive)
        except Exception as exc:
            raise self._database.failure(exc) from exc
