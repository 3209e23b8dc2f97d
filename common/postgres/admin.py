"""`AdminStore` over Postgres: the same for all instances."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from common.admin.store import AUDIT_LENGTH, AuditEntry, Pause, UsageKey
from common.postgres.database import Database

# In the order of the key, so that two instances that add at once do not wait for each other in a ring.
_ADD = """
    INSERT INTO escriba.usage AS stored
    SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::float8[]) AS added ORDER BY 1, 2, 3
    ON CONFLICT (period, client, name) DO UPDATE SET amount = stored.amount + excluded.amount
"""
_READ = "SELECT period, client, name, amount FROM escriba.usage WHERE period = ANY ($1::text[])"
_REMOVE = 'DELETE FROM escriba.usage WHERE period COLLATE "C" >= $1 AND period COLLATE "C" < $2'
_SET_PAUSE = """
    INSERT INTO escriba.meta VALUES ('pause', $1) ON CONFLICT (key) DO UPDATE SET value = excluded.value
"""
_GET_PAUSE = "SELECT value FROM escriba.meta WHERE key = 'pause'"
_APPEND = """
    WITH added AS (INSERT INTO escriba.audit (document) VALUES ($1) RETURNING number)
    DELETE FROM escriba.audit WHERE number <= (SELECT number FROM added) - $2::bigint
"""
_AUDIT = "SELECT document FROM escriba.audit ORDER BY number DESC LIMIT $1"


class PostgresAdmin:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def add_usage(self, amounts: Mapping[UsageKey, float]) -> None:
        """A call whose answer is lost is not repeated here: it may have been counted."""
        rows = [(*key, amount) for key, amount in amounts.items()]
        columns = [list(column) for column in zip(*rows, strict=True)] or [[], [], [], []]
        await self._database.rows(_ADD, *columns, counts=False, repeats=False)

    async def read_usage(self, periods: Sequence[str]) -> dict[UsageKey, float]:
        rows = await self._database.rows(_READ, list(periods))
        return {UsageKey(row[0], row[1], row[2]): row[3] for row in rows}

    async def remove_usage(self, *, kind: str, before: str) -> None:
        await self._database.rows(_REMOVE, f"{kind}:", before, counts=False)

    async def set_pause(self, pause: Pause | None) -> None:
        await self._database.rows(_SET_PAUSE, None if pause is None else pause.model_dump_json(by_alias=True))

    async def get_pause(self) -> Pause | None:
        """It is no use of the database, which may fall asleep under a dashboard."""
        rows = await self._database.rows(_GET_PAUSE, counts=False)
        return Pause.model_validate_json(rows[0][0]) if rows and rows[0][0] is not None else None

    async def append_audit(self, entry: AuditEntry) -> None:
        document = entry.model_dump_json(by_alias=True, exclude_none=True)
        await self._database.rows(_APPEND, document, AUDIT_LENGTH, repeats=False)

    async def read_audit(self, *, limit: int) -> list[AuditEntry]:
        rows = await self._database.rows(_AUDIT, limit)
        return [AuditEntry.model_validate_json(row[0]) for row in rows]
