"""`AccountStore` over Postgres: one row for each account, shared by all instances."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Generic, TypeVar

from common.postgres.database import Database
from common.token_bucket import Account

A = TypeVar("A", bound=Account)
T = TypeVar("T")

_READ = "SELECT value FROM escriba.meta WHERE key = $1"
_SWAP = "SELECT escriba.swap_value($1, $2, $3)"


# Accounts of clients, which nobody counts: each new one removes those that have drained wholly since.
_CLIENTS = "quota:client:"
_FORGET = f"""
    DELETE FROM escriba.meta WHERE key LIKE '{_CLIENTS}%'
        AND (value::json ->> 'at')::float8 < extract(epoch FROM clock_timestamp()) - 2 * 86400
"""


class PostgresAccount(Generic[A]):
    """The account called `name`; `start` is it before anything was taken, with the limits of the settings.

    A change is decided from the account as this process saw it last. Where another instance changed it since,
    the database returns what it is now, and the change is decided again.
    """

    def __init__(self, database: Database, *, name: str, start: A) -> None:
        self._database = database
        self._key = f"quota:{name}"
        self._start = start
        self._known: str | None = None
        self._lock = asyncio.Lock()

    async def change(self, decide: Callable[[A], tuple[A, T]]) -> T:
        async with self._lock:
            while True:
                known = self._known
                outcome = self._decide(decide, known)
                after = known if isinstance(outcome, Exception) else outcome[0]
                stored = await self._database.value(_SWAP, self._key, known, after)
                self._known = after if stored == known else stored
                if stored == known:
                    if known is None and self._key.startswith(_CLIENTS):
                        await self._database.rows(_FORGET)
                    if isinstance(outcome, Exception):
                        raise outcome
                    return outcome[1]

    async def read(self) -> A:
        rows = await self._database.rows(_READ, self._key, counts=False)
        stored = rows[0][0] if rows else None
        return self._start if stored is None else self._start.resume(stored)

    def _decide(
        self, decide: Callable[[A], tuple[A, T]], known: str | None
    ) -> tuple[str | None, T] | Exception:
        """What is to be stored and the answer, or what the decision raised: it counts once `known`
        proves true.
        """
        before = self._start.resume(known) if known is not None else self._start
        try:
            after, answer = decide(before)
        except Exception as exc:  # noqa: BLE001 - it flies on, but only from an account that is still stored
            return exc
        return (known if after == before else after.model_dump_json(by_alias=True)), answer
