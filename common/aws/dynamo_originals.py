"""The engine's text beside its corrections, in the table: as long as there is a text, and no longer."""

from __future__ import annotations

from contextlib import suppress

from common.aws import job_items
from common.aws.table import ConditionFailed, Table
from common.aws.table_requests import Update, check_action, put_action
from common.errors import JobNotFound

_IS_NEW = "attribute_not_exists(pk)"


class DynamoOriginals:
    """`JobStore.keep_original`, and its end."""

    def __init__(self, table: Table) -> None:
        self._table = table

    async def keep(self, job_id: str) -> None:
        """Keep the result as it is, unless one is kept already: that one then stays as long as the job."""
        parts = await self._table.query_partition(f"job#{job_id}", prefix=job_items.RESULT)
        if not parts:
            return
        first, *more = job_items.original_items(parts)
        result = (parts[0]["pk"], parts[0]["sk"])
        with suppress(ConditionFailed):  # one is kept already, or the text was erased meanwhile
            await self._table.write(
                check_action(result, "attribute_exists(pk)"),
                put_action(first, condition=_IS_NEW),
                *map(put_action, more),
            )
            return
        await self._prolong(job_id)

    async def erase(self, job_id: str) -> None:
        """After the result is erased: then no other call can keep one any more."""
        parts = await self._table.query_partition(f"job#{job_id}", prefix=job_items.ORIGINAL)
        await self._table.delete((part["pk"], part["sk"]) for part in parts)

    async def _prolong(self, job_id: str) -> None:
        """Each correction prolongs the job: DynamoDB must not remove the original before it."""
        state = await self._table.get(job_items.key_of(job_id))
        if state is None:
            raise JobNotFound
        for part in await self._table.query_partition(f"job#{job_id}", prefix=job_items.ORIGINAL):
            with suppress(ConditionFailed):
                await self._table.update(
                    Update(
                        (part["pk"], part["sk"]),
                        "SET #ttl = :ttl",
                        "attribute_exists(pk) AND #ttl < :ttl",
                        {":ttl": job_items.ttl_of(state["expires_at"])},
                        {"#ttl": "ttl"},
                    )
                )
