"""The container's one SQLite file: a single connection, used in a thread of its own.

A commit that returned survives a kill and a power cut: WAL with synchronous=FULL.
https://www.sqlite.org/wal.html · https://www.sqlite.org/pragma.html#pragma_synchronous
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from common.errors import Busy, EscribaError, JobNotFound, StorageBroken, StorageFull
from common.local.sqlite.schema import MIGRATIONS
from common.stores import DatabaseUnusable

if TYPE_CHECKING:
    from sqlite3 import Connection, Error

T = TypeVar("T")

BUSY_RETRY_AFTER = 2.0
_RETRY_INTERVAL = 0.01

_SETTINGS = (
    "PRAGMA synchronous = FULL",
    "PRAGMA foreign_keys = ON",
    # Memory is scarce, and the system's page cache has what this one has not: 512 KiB.
    "PRAGMA cache_size = -512",
    "PRAGMA temp_store = MEMORY",
    # A log that has grown long is cut to this size after a checkpoint: 4 MiB.
    "PRAGMA journal_size_limit = 4194304",
    # Text that was deleted must not stay readable in free pages.
    "PRAGMA secure_delete = ON",
    "PRAGMA trusted_schema = OFF",
)


class Database:
    """One SQLite file. Creating one has no effect: `open` or the first use opens it, `close` ends its thread.

    Every call may raise Busy (another process holds the lock for longer than `busy_timeout` seconds),
    StorageFull, StorageBroken; opening may raise DatabaseUnusable.
    """

    def __init__(self, path: Path, *, busy_timeout: float = 5.0) -> None:
        from concurrent.futures import ThreadPoolExecutor

        self.path = path
        self._busy_timeout = busy_timeout
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="sqlite")
        self._connection: Connection | None = None

    async def open(self) -> None:
        """Make or migrate the file now, so that a server that cannot store jobs does not start."""
        await self.read(lambda _: None)

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Run `work` in the database's thread, outside any transaction."""
        return await self._run(lambda: work(self._open_connection()))

    async def write(self, work: Callable[[Connection], T]) -> T:
        """Run `work` in one transaction: all of it is stored, or nothing."""
        return await self._run(lambda: _transaction(self._open_connection(), work))

    async def truncate_log(self) -> None:
        """Empty the write-ahead log, where deleted text could still be read."""
        await self.read(lambda db: db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone())

    def close(self) -> None:
        """Finish the calls under way, then close the file. Harmless twice."""
        try:
            self._thread.submit(self._disconnect)
        except RuntimeError:  # closed already
            return
        self._thread.shutdown()

    async def _run(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, _translate_errors, work)

    def _open_connection(self) -> Connection:
        if self._connection is None:
            self._connection = _open(self.path, self._busy_timeout)
        return self._connection

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _open(path: Path, busy_timeout: float) -> Connection:
    import sqlite3

    connection = None
    try:
        _make_private(path)
        connection = sqlite3.connect(path, timeout=busy_timeout, isolation_level=None)
        _enable_log(connection, busy_timeout)
        for setting in _SETTINGS:
            connection.execute(setting)
        _transaction(connection, lambda db: _migrate(db, path))
    except (sqlite3.DatabaseError, OSError, DatabaseUnusable) as exc:
        if connection is not None:
            connection.close()
        problem = _to_escriba_error(exc) if isinstance(exc, sqlite3.Error) else None
        if isinstance(exc, DatabaseUnusable) or isinstance(problem, Busy | StorageFull):
            raise
        raise DatabaseUnusable(f"The database {path} cannot be used: {exc}.") from exc
    return connection


def _enable_log(connection: Connection, busy_timeout: float) -> None:
    """Turn on the write-ahead log, a setting that the file keeps.

    Two connections that do so to a new file at once would wait for each other for ever, so SQLite refuses one
    of them without regard to its timeout: that one tries again. https://www.sqlite.org/c3ref/busy_handler.html
    """
    import sqlite3

    until = time.monotonic() + busy_timeout
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as exc:
            if not isinstance(_to_escriba_error(exc), Busy) or time.monotonic() >= until:
                raise
            time.sleep(_RETRY_INTERVAL)
        else:
            return


def _make_private(path: Path) -> None:
    """It holds what people said: no other user of the machine may read it. WAL and SHM get the same mode."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))


def _migrate(connection: Connection, path: Path) -> None:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > len(MIGRATIONS):
        raise DatabaseUnusable(
            f"The database {path} was written by a newer version of Escriba (schema {version}, this one "
            f"knows {len(MIGRATIONS)}): run that version, or start with another DATA_DIR."
        )
    for number in range(version, len(MIGRATIONS)):
        for statement in MIGRATIONS[number]:
            connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {number + 1}")


def _transaction(connection: Connection, work: Callable[[Connection], T]) -> T:
    connection.execute("BEGIN IMMEDIATE")
    try:
        result = work(connection)
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:  # a full disk may have ended it already
            connection.execute("ROLLBACK")
        raise
    return result


def _translate_errors(work: Callable[[], T]) -> T:
    import sqlite3

    try:
        result = work()
        if isinstance(result, sqlite3.Cursor):
            # Another thread would free it, and that resets the statement while this one may run it again.
            result.close()
        return result
    except sqlite3.Error as exc:
        raise _to_escriba_error(exc) from exc


def _to_escriba_error(exc: Error) -> EscribaError:
    """What an SQLite error means here. https://www.sqlite.org/rescode.html"""
    import sqlite3

    code = getattr(exc, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
    if code == sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY:
        return JobNotFound()  # every foreign key points at a job
    if code & 0xFF in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
        return Busy(retry_after=BUSY_RETRY_AFTER)
    # SQLite reports FULL for ENOSPC alone; a quota (EDQUOT) or a file size limit (EFBIG) is a failed write,
    # and no space for the WAL's index is a failure to size or map it.
    full = {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_WRITE, sqlite3.SQLITE_IOERR_SHMSIZE}
    return StorageFull() if code in full else StorageBroken()
