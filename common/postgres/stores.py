"""Everything that the instances of one service keep in their Postgres."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from common.ports import AccountStore
from common.postgres.access_keys import PostgresAccessKeys
from common.postgres.account import PostgresAccount
from common.postgres.admin import PostgresAdmin
from common.postgres.agenda import Agenda, Callbacks
from common.postgres.cache import PostgresCache
from common.postgres.database import Database
from common.postgres.directory import PostgresDirectory
from common.postgres.jobs import PostgresJobs
from common.postgres.notices import Notice, Notices
from common.postgres.queue import PostgresQueue
from common.postgres.secret import read_secret
from common.postgres.speaker_tasks import PostgresSpeakerTasks
from common.postgres.voices import PostgresVoices
from common.settings import Settings
from common.stores import AnyAccount, StoreStatus, Wakers


class PostgresStores:
    """`Stores` that call the wakers by themselves, so that nobody asks at intervals."""

    wakes = True

    def __init__(self, database: Database, settings: Settings) -> None:
        self._database = database
        self._settings = settings
        self._origin = secrets.token_hex(4)
        self.now = database.clock
        self.jobs = PostgresJobs(database, origin=self._origin)
        self.access_keys = PostgresAccessKeys(database)
        self.admin = PostgresAdmin(database)
        self.directory = PostgresDirectory(database)
        self.voices = PostgresVoices(database)
        self.speaker_tasks = PostgresSpeakerTasks(database)

    def queue(self, on_put: Callable[[], None] = lambda: None) -> PostgresQueue:
        return PostgresQueue(self._database, now=self.now, on_put=on_put)

    def account(self, name: str, start: AnyAccount) -> AccountStore[AnyAccount]:
        return PostgresAccount(self._database, name=name, start=start)

    def cache(self, budget_bytes: int) -> PostgresCache | None:
        return PostgresCache(self._database, budget_bytes=budget_bytes) if budget_bytes else None

    async def secret(self, name: str) -> bytes:
        return await read_secret(self._database, name)

    def status(self) -> StoreStatus:
        return StoreStatus(problem=self._database.problem, is_idle=not self._database.idle_in)

    @asynccontextmanager
    async def wake(self, wakers: Wakers) -> AsyncIterator[None]:
        callbacks = Callbacks(wakers.on_job, wakers.on_delivery, wakers.on_speakers, wakers.on_sweep)
        agenda = Agenda(
            self._database,
            callbacks,
            sweep_every=self._settings.sweep_seconds,
            longest=self._settings.database_check_seconds,
        )
        self._database.on_change.append(agenda.note_change)
        self._database.on_recovery.append(agenda.note_change)

        def on_notice(notice: Notice) -> None:
            agenda.note_change()
            wakers.on_commit(notice.job_id, notice.seq, notice.status)

        def on_connect() -> None:
            agenda.note_change()
            wakers.on_gap()

        notices = Notices(self._database, origin=self._origin, on_notice=on_notice, on_connect=on_connect)
        tasks = [asyncio.create_task(agenda.run()), asyncio.create_task(notices.run())]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


@asynccontextmanager
async def open_stores(settings: Settings) -> AsyncIterator[PostgresStores]:
    """Raises DatabaseUnusable."""
    assert settings.database_url is not None
    database = Database(settings.database_url, idle_after=settings.database_idle_seconds)
    try:
        await database.open()
        yield PostgresStores(database, settings)
    finally:
        await database.close()
