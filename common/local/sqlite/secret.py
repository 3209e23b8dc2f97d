"""A secret of this server: made once, stored in its database, never shown."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from common.local.sqlite.database import Database

if TYPE_CHECKING:
    from sqlite3 import Connection


async def read_secret(database: Database, name: str) -> bytes:
    """The 32 random bytes called `name`: made at the first use, the same for all that share the database."""
    candidate = os.urandom(32).hex()
    return bytes.fromhex(await database.write(lambda db: _insert_or_get(db, f"secret:{name}", candidate)))


def _insert_or_get(db: Connection, key: str, candidate: str) -> str:
    db.execute("INSERT INTO meta VALUES (?, ?) ON CONFLICT DO NOTHING", (key, candidate))
    value: str = db.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()[0]
    return value
