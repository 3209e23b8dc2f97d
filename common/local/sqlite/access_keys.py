"""`AccessKeyStore` over the container's database."""

from __future__ import annotations

from common.local.sqlite.database import Database
from common.models import AccessKey


class SqliteAccessKeys:
    """One row a key."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def put(self, key: AccessKey) -> None:
        row = (key.key_id, key.created_at, key.model_dump_json(by_alias=True, exclude_none=True))
        await self._database.write(
            lambda db: db.execute(
                "INSERT INTO access_keys VALUES (?, ?, ?) "
                "ON CONFLICT (key_id) DO UPDATE SET document = excluded.document",
                row,
            )
        )

    async def get(self, key_id: str) -> AccessKey | None:
        query = "SELECT document FROM access_keys WHERE key_id = ?"
        row = await self._database.read(lambda db: db.execute(query, (key_id,)).fetchone())
        return AccessKey.model_validate_json(row[0]) if row else None

    async def all(self) -> list[AccessKey]:
        query = "SELECT document FROM access_keys ORDER BY created_at, key_id"
        rows = await self._database.read(lambda db: db.execute(query).fetchall())
        return [AccessKey.model_validate_json(document) for (document,) in rows]
