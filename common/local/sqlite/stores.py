"""Everything that one container keeps in its SQLite file."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from pathlib import Path

from common.local.sqlite.access_keys import SqliteAccessKeys
from common.local.sqlite.account import SqliteAccount
from common.local.sqlite.admin import SqliteAdmin
from common.local.sqlite.cache import SqliteCache, open_cache
from common.local.sqlite.database import Database
from common.local.sqlite.directory import SqliteDirectory
from common.local.sqlite.jobs import SqliteJobs
from common.local.sqlite.queue import SqliteQueue
from common.local.sqlite.secret import read_secret
from common.local.sqlite.speaker_tasks import SqliteSpeakerTasks
from common.local.sqlite.voices import SqliteVoices
from common.ports import AccountStore
from common.stores import AnyAccount, StoreStatus, Wakers


class SqliteStores:
    """`Stores` in one file. Processes that share it ask at intervals, since a file notifies nobody."""

    wakes = False

    def __init__(self, database: Database, now: Callable[[], float]) -> None:
        self._database = database
        self.now = now
        self.jobs = SqliteJobs(database)
        self.access_keys = SqliteAccessKeys(database)
        self.admin = SqliteAdmin(database)
        self.directory = SqliteDirectory(database)
        self.voices = SqliteVoices(database)
        self.speaker_tasks = SqliteSpeakerTasks(database)

    def queue(self, on_put: Callable[[], None] = lambda: None) -> SqliteQueue:
        return SqliteQueue(self._database, now=self.now, on_put=on_put)

    def account(self, name: str, start: AnyAccount) -> AccountStore[AnyAccount]:
        return SqliteAccount(self._database, name=name, start=start)

    def cache(self, budget_bytes: int) -> SqliteCache | None:
        return open_cache(self._database, budget_bytes)

    async def secret(self, name: str) -> bytes:
        return await read_secret(self._database, name)

    def status(self) -> StoreStatus:
        return StoreStatus()

    def wake(self, wakers: Wakers) -> AbstractAsyncContextManager[None]:  # noqa: ARG002
        return nullcontext()


@asynccontextmanager
async def open_stores(path: Path, *, now: Callable[[], float]) -> AsyncIterator[SqliteStores]:
    """Raises DatabaseUnusable."""
    database = Database(path)
    try:
        await database.open()
        stores = SqliteStores(database, now)
        await stores.queue().correct_due_times()
        yield stores
    finally:
        database.close()
