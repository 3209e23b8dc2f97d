"""`AccessKeyStore` in the jobs' table: all keys in one partition, so that one query lists them."""

from __future__ import annotations

from common.aws.table import Table
from common.models import AccessKey

_PARTITION = "access#keys"


class DynamoAccessKeys:
    """One item a key, under its id."""

    def __init__(self, table: Table) -> None:
        self._table = table

    async def put(self, key: AccessKey) -> None:
        document = key.model_dump_json(by_alias=True, exclude_none=True)
        await self._table.put({"pk": _PARTITION, "sk": key.key_id, "document": document})

    async def get(self, key_id: str) -> AccessKey | None:
        item = await self._table.get((_PARTITION, key_id))
        return AccessKey.model_validate_json(item["document"]) if item else None

    async def all(self) -> list[AccessKey]:
        items = await self._table.query_partition(_PARTITION)
        keys = [AccessKey.model_validate_json(item["document"]) for item in items]
        return sorted(keys, key=lambda key: (key.created_at, key.key_id))
