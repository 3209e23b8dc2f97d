"""Texts for equal recordings in the jobs' table: one partition a recording, one item a text.

    pk cache#<recording>   sk <answer>   the Transcript, as JSON under zlib

A text that does not fit into one item is not kept. DynamoDB removes what has expired by itself, within days;
until then nothing reads it.
"""

from __future__ import annotations

import zlib

from common.aws.table import Table
from common.aws.table_requests import Key
from common.cache_port import CacheKey
from common.models import Transcript

_LARGEST_TEXT = 380_000  # an item holds 400 KB
_ZLIB_LEVEL = 6  # every KB that is written costs more than packing it


class DynamoCache:
    """`TranscriptCache` that keeps a text for as long as it is valid, however many there are."""

    def __init__(self, table: Table) -> None:
        self._table = table

    async def get(self, key: CacheKey, *, now: float) -> Transcript | None:
        item = await self._table.get(_key_of(key))
        if item is None or item["expires_at"] <= now:
            return None
        return Transcript.model_validate_json(zlib.decompress(item["bytes"]))

    async def put(self, key: CacheKey, transcript: Transcript, *, expires_at: float) -> None:
        json = transcript.model_dump_json(by_alias=True, exclude_none=True)
        packed = zlib.compress(json.encode(), _ZLIB_LEVEL)
        if len(packed) > _LARGEST_TEXT:
            return
        pk, sk = _key_of(key)
        await self._table.put(
            {"pk": pk, "sk": sk, "bytes": packed, "expires_at": expires_at, "ttl": int(expires_at)}
        )

    async def forget(self, recording: str) -> None:
        items = await self._table.query(
            "pk = :pk", {":pk": _partition(recording)}, consistent=True, only="pk, sk"
        )
        await self._table.delete([(item["pk"], item["sk"]) for item in items])

    async def expire(self, *, now: float) -> None:
        """DynamoDB's own time to live does it."""


def _key_of(key: CacheKey) -> Key:
    return _partition(key.recording), key.answer


def _partition(recording: str) -> str:
    return f"cache#{recording}"
