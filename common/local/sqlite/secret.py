"""A secret of this server's own: made once, kept in its database, never shown."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from common.local.sqlite.database import Database

if TYPE_CHECKING:
    from sqlite3 import Connection


async def read_secret(database: Database, name: str) -> bytes:
    """The 32 random bytes called `name`; made on first use, the same for every process on this database."""
    made = os.urandom(32).hex()
    return bytes.fromhex(await database.write(lambda db: _first(db, f"secret:{name}", made)))


def _first(db: Connection, key: str, made: str) -> str:
    db.execute("INSERT INTO meta VALUES (?, ?) ON CONFLICT DO NOTHING", (key, made))
    value: str = db.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()[0]
    return value
