"""`AdminStore` over the container's database."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from common.admin.store import AUDIT_LENGTH, AuditEntry, Pause, UsageKey
from common.local.sqlite.database import Database

if TYPE_CHECKING:
    from sqlite3 import Connection

_ADD = """
    INSERT INTO usage VALUES (?, ?, ?, ?)
    ON CONFLICT (period, client, name) DO UPDATE SET amount = amount + excluded.amount
"""
_READ = """
    SELECT period, client, name, amount FROM usage WHERE period IN (SELECT value FROM json_each(?))
"""
_REMOVE = "DELETE FROM usage WHERE period >= ? AND period < ?"
_PAUSE = "pause"


class SqliteAdmin:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def add_usage(self, amounts: Mapping[UsageKey, float]) -> None:
        rows = [(*key, amount) for key, amount in amounts.items()]
        await self._database.write(lambda db: db.executemany(_ADD, rows))

    async def read_usage(self, periods: Sequence[str]) -> dict[UsageKey, float]:
        wanted = json.dumps(periods)
        rows = await self._database.read(lambda db: db.execute(_READ, (wanted,)).fetchall())
        return {UsageKey(*key): amount for *key, amount in rows}

    async def remove_usage(self, *, kind: str, before: str) -> None:
        await self._database.write(lambda db: db.execute(_REMOVE, (f"{kind}:", before)))

    async def set_pause(self, pause: Pause | None) -> None:
        await self._database.write(lambda db: _set_pause(db, pause))

    async def get_pause(self) -> Pause | None:
        query = "SELECT value FROM meta WHERE key = ?"
        row = await self._database.read(lambda db: db.execute(query, (_PAUSE,)).fetchone())
        return Pause.model_validate_json(row[0]) if row else None

    async def append_audit(self, entry: AuditEntry) -> None:
        await self._database.write(lambda db: _append(db, entry))

    async def read_audit(self, *, limit: int) -> list[AuditEntry]:
        query = "SELECT document FROM audit ORDER BY number DESC LIMIT ?"
        rows = await self._database.read(lambda db: db.execute(query, (limit,)).fetchall())
        return [AuditEntry.model_validate_json(document) for (document,) in rows]


def _set_pause(db: Connection, pause: Pause | None) -> None:
    if pause is None:
        db.execute("DELETE FROM meta WHERE key = ?", (_PAUSE,))
    else:
        document = pause.model_dump_json(by_alias=True)
        db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (_PAUSE, document))


def _append(db: Connection, entry: AuditEntry) -> None:
    document = entry.model_dump_json(by_alias=True, exclude_none=True)
    number = db.execute("INSERT INTO audit (document) VALUES (?)", (document,)).lastrowid
    db.execute("DELETE FROM audit WHERE number <= ?", ((number or 0) - AUDIT_LENGTH,))
