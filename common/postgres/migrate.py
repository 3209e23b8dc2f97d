"""Brings the database to this version's schema; many instances may start at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from common.postgres.schema import MIGRATIONS

if TYPE_CHECKING:
    from asyncpg import Connection

# Two numbers of our own: the lock that migrations share with nothing else.
_LOCK = "SELECT pg_advisory_xact_lock(7305788, 2)"
_META = "CREATE TABLE IF NOT EXISTS escriba.meta (key text PRIMARY KEY, value text)"
_KEEP_VERSION = "INSERT INTO escriba.meta VALUES ('schema', $1) ON CONFLICT (key) DO UPDATE SET value = $1"


async def migrate(connection: Connection) -> None:
    """Run the migrations that are missing, all or none. A newer schema than ours is no obstacle: it
    only adds.
    """
    if await _version(connection) >= len(MIGRATIONS):
        return
    async with connection.transaction():
        await connection.execute(_LOCK)
        await connection.execute("CREATE SCHEMA IF NOT EXISTS escriba")
        await connection.execute(_META)
        for migration in MIGRATIONS[await _version(connection) :]:
            for statement in migration:
                await connection.execute(statement)
        await connection.execute(_KEEP_VERSION, str(len(MIGRATIONS)))


async def _version(connection: Connection) -> int:
    if not await connection.fetchval("SELECT to_regclass('escriba.meta') IS NOT NULL"):
        return 0
    return int(await connection.fetchval("SELECT value FROM escriba.meta WHERE key = 'schema'") or 0)
