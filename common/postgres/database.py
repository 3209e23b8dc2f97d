"""The one way to Postgres: a few connections, opened when they are needed and closed when nothing needs them.

asyncpg is imported by `open`, since only those who set DATABASE_URL need it.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from common.errors import EscribaError, StoreUnavailable
from common.log import log
from common.postgres.address import POOLED, read_address
from common.postgres.clock import DatabaseClock, read_steady_clock
from common.postgres.errors import RETRY_AFTER, is_lost, is_untrusted, to_escriba_error
from common.postgres.migrate import migrate
from common.stores import DatabaseUnusable

if TYPE_CHECKING:
    from asyncpg import Connection, Pool, Record
    from asyncpg.pool import PoolConnectionProxy

# Each costs the database some megabytes of its memory; a process at 0.1 vCPU keeps no more busy.
_CONNECTIONS = 4
# Seconds without an answer, after which the database counts as away.
_TIMEOUT = 10.0
# Seconds for which an end waits for calls under way.
_LONGEST_CLOSE = 2.0
# Seconds for which a start waits for a database that wakes up.
_LONGEST_START = 30.0


class Database:
    """One database. Creating one has no effect. Every call may raise what `to_escriba_error` makes.

    `clock` is the database's. `problem` says why the last call failed; None when it did not. `on_use` is
    called before and `on_recovery` after the first call that succeeds once others have failed. After
    `idle_after` seconds without use it counts as idle, and its connections are closed.
    """

    def __init__(self, url: str, *, idle_after: float = 240.0) -> None:
        self._address = read_address(url)
        self._pool: Pool | None = None
        self.clock = DatabaseClock()
        self.problem: EscribaError | None = None
        self.idle_after = idle_after
        self.on_use: list[Callable[[], None]] = []
        self.on_recovery: list[Callable[[], None]] = []
        self.on_change: list[Callable[[], None]] = []
        self.used_at = read_steady_clock()  # of the steady clock
        self._is_probing = False
        self._opening = asyncio.Lock()

    async def open(self) -> None:
        """Connect and migrate. Raises DatabaseUnusable when that cannot be done."""
        import asyncpg

        try:
            await self._start()
        except DatabaseUnusable:
            raise
        except (asyncpg.InvalidSQLStatementNameError, asyncpg.DuplicatePreparedStatementError) as exc:
            raise DatabaseUnusable(POOLED) from exc
        except Exception as exc:
            reason = "it does not answer" if isinstance(exc, TimeoutError) else _describe(exc)
            raise DatabaseUnusable(f"The database of DATABASE_URL cannot be used: {reason}.") from exc

    async def connect(self) -> Connection:
        """A connection of the caller's own. Raises StoreUnavailable."""
        import asyncpg

        try:
            return await asyncpg.connect(self._address.url, **self._options())
        except Exception as exc:
            raise self.failure(exc) from exc

    async def rows(
        self, statement: str, *values: Any, counts: bool = True, repeats: bool = True
    ) -> list[Record]:
        """What one statement returns. `counts`: it is use, so that the database is not idle.

        A connection that was lost while nobody used it is replaced once, and the statement sent again if it
        `repeats`, which must be harmless. While the database is away one call at a time tries it; the others
        fail at once.
        """
        if counts:
            self.used_at = read_steady_clock()
            for notify in self.on_use:
                notify()
        if self.problem is not None and self._is_probing:
            raise StoreUnavailable(retry_after=RETRY_AFTER)
        self._is_probing = True
        try:
            rows = await self._fetch(statement, values, repeats=repeats and self.problem is None)
        except Exception as exc:
            raise self.failure(exc) from exc
        finally:
            self._is_probing = False
        self._note_success()
        return rows

    async def row(self, statement: str, *values: Any, repeats: bool = True) -> Record | None:
        """The first row, if there is one."""
        rows = await self.rows(statement, *values, repeats=repeats)
        return rows[0] if rows else None

    async def value(self, statement: str, *values: Any) -> Any:
        """The first column of the first row; None where there is no row."""
        row = await self.row(statement, *values)
        return row[0] if row else None

    @property
    def idle_in(self) -> float:
        """Seconds until it counts as idle."""
        return max(0.0, self.used_at + self.idle_after - read_steady_clock())

    def note_change(self) -> None:
        """Something was stored that may fall due at another time than what was known."""
        for notify in self.on_change:
            notify()

    async def close(self) -> None:
        """Finish the calls under way and disconnect. Harmless twice."""
        if self._pool is not None:
            try:
                async with asyncio.timeout(_LONGEST_CLOSE):
                    await self._pool.close()
            except TimeoutError:
                self._pool.terminate()

    async def _start(self) -> None:
        """Migrate, check and learn the time, once the database is awake."""
        until = read_steady_clock() + _LONGEST_START
        while True:
            try:
                async with self._connection() as connection:
                    await migrate(connection)
                    await _check_session(connection)
                    asked_at = read_steady_clock()
                    now = await connection.fetchval("SELECT extract(epoch FROM clock_timestamp())::float8")
                    self.clock.learn(now, asked_at=asked_at)
                return
            except Exception as exc:
                if not is_lost(exc) or is_untrusted(exc) or read_steady_clock() > until:
                    raise
                await asyncio.sleep(1)

    async def _fetch(self, statement: str, values: tuple[Any, ...], *, repeats: bool) -> list[Record]:
        try:
            return await self._fetch_once(statement, values)
        except Exception as exc:
            if isinstance(exc, TimeoutError) or not is_lost(exc) or not repeats:
                raise
            return await self._fetch_once(statement, values)

    async def _fetch_once(self, statement: str, values: tuple[Any, ...]) -> list[Record]:
        async with self._connection() as connection:
            try:
                rows: list[Record] = await connection.fetch(statement, *values)
            except TimeoutError:
                connection.terminate()  # to cancel the statement politely would wait for the same server
                raise
            return rows

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[PoolConnectionProxy]:
        async with self._opening:
            pool = self._pool = self._pool or await self._create_pool()
        connection = await pool.acquire(timeout=_TIMEOUT)
        try:
            yield connection
        finally:
            await pool.release(connection, timeout=_TIMEOUT)

    async def _create_pool(self) -> Pool:
        """It connects at the first use."""
        import asyncpg

        return await asyncpg.create_pool(
            self._address.url,
            min_size=0,
            max_size=_CONNECTIONS,
            max_inactive_connection_lifetime=self.idle_after,
            reset=_leave_as_it_is,
            **self._options(),
        )

    def _options(self) -> dict[str, Any]:
        tls = {"ssl": self._address.tls} if self._address.tls else {}
        return {"timeout": _TIMEOUT, "command_timeout": _TIMEOUT, **tls}

    def failure(self, exc: Exception) -> EscribaError:
        """What an error of asyncpg means here; one that says that the database is away becomes the
        problem.
        """
        error = to_escriba_error(exc)
        if isinstance(error, StoreUnavailable):
            if self.problem is None:
                log("store.away", level="WARNING", reason=type(exc).__name__)
            self.problem = error
        elif not isinstance(exc, EscribaError):
            sqlstate = getattr(exc, "sqlstate", None)
            log("store.failed", level="ERROR", reason=type(exc).__name__, code=error.code, sqlstate=sqlstate)
        return error

    def _note_success(self) -> None:
        if self.problem is None:
            return
        self.problem = None
        log("store.back")
        for notify in self.on_recovery:
            notify()


async def _leave_as_it_is(_: Connection) -> None:
    """No statement of ours changes its session: asyncpg's own reset would be one more round trip each
    time.
    """


async def _check_session(connection: Connection) -> None:
    """Raises DatabaseUnusable where each transaction may get another session, and LISTEN is lost."""
    channel = f"escriba_{secrets.token_hex(8)}"
    arrived = asyncio.Event()

    def notice(*_: object) -> None:
        arrived.set()

    await connection.add_listener(channel, notice)
    try:
        await connection.execute(f"NOTIFY {channel}")
        async with asyncio.timeout(_TIMEOUT):
            await arrived.wait()
    except TimeoutError as exc:
        raise DatabaseUnusable(POOLED) from exc
    finally:
        await connection.remove_listener(channel, notice)


def _describe(exc: Exception) -> str:
    """What is wrong, without the address, which holds the password."""
    return f"{type(exc).__name__}: {exc}".splitlines()[0].rstrip(".")
