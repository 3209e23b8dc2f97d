"""A secret of this service: made once, stored in its database, the same on all instances, never shown."""

from __future__ import annotations

import os

from common.postgres.database import Database


async def read_secret(database: Database, name: str) -> bytes:
    """The 32 random bytes called `name`, made at the first use."""
    candidate = os.urandom(32).hex()
    existing = await database.value("SELECT escriba.swap_value($1, NULL, $2)", f"secret:{name}", candidate)
    return bytes.fromhex(existing or candidate)
