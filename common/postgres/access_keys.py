"""`AccessKeyStore` over Postgres: one row a key, the same for all instances."""

from __future__ import annotations

from common.models import AccessKey
from common.postgres.database import Database

_PUT = """
    INSERT INTO escriba.access_keys VALUES ($1, $2, $3)
    ON CONFLICT (key_id) DO UPDATE SET document = excluded.document
"""
_GET = "SELECT document FROM escriba.access_keys WHERE key_id = $1"
_ALL = "SELECT document FROM escriba.access_keys ORDER BY created_at, key_id"


class PostgresAccessKeys:
    """The keys of all instances."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def put(self, key: AccessKey) -> None:
        await self._database.rows(
            _PUT, key.key_id, key.created_at, key.model_dump_json(by_alias=True, exclude_none=True)
        )

    async def get(self, key_id: str) -> AccessKey | None:
        document = await self._database.value(_GET, key_id)
        return None if document is None else AccessKey.model_validate_json(document)

    async def all(self) -> list[AccessKey]:
        rows = await self._database.rows(_ALL)
        return [AccessKey.model_validate_json(row["document"]) for row in rows]
