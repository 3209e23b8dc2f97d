"""`VoiceStore` over the jobs' table: embeddings are items beside their job, and gone before it is final.

A transaction holds 4 MB, and an hour's embeddings are 2 MB, so the commit that ends a job cannot delete those
of a long one. Each stretch that is kept counts up the job's `voices`. Before a job ends with no speakers to
come, or they have come, its embeddings are deleted; the commit fails if the count is another by then, and
nobody but the holder of the lease, which the commit ends, may count it up. docs/decisions/speakers-on-aws.md
"""

from __future__ import annotations

from common.aws import job_items, lease_updates
from common.aws.table import ConditionFailed, Table
from common.aws.table_requests import Item, Update, put_action, update_action
from common.errors import JobNotFound
from common.ports import LeaseLost

# After a stretch was kept, the next claim of a job that awaits its speakers is the first attempt again.
_COUNT = (
    f"SET {job_items.VOICE_COUNT} = if_not_exists({job_items.VOICE_COUNT}, :none) + :one, "
    f"{job_items.SPEAKER_ATTEMPTS} = :none"
)


class DynamoVoices:
    """All calls may raise Busy, StorageBroken."""

    def __init__(self, table: Table) -> None:
        self._table = table

    async def keep(self, job_id: str, index: int, packed: bytes, *, holder: str) -> None:
        state = await self._table.get(job_items.key_of(job_id))
        if state is None:
            raise JobNotFound
        try:
            await self._table.write(
                update_action(_count(job_id, holder)),
                *map(put_action, job_items.voice_items(job_id, index, packed, int(state["expires_at"]))),
            )
        except ConditionFailed:
            raise LeaseLost(job_id) from None

    async def kept(self, job_id: str) -> dict[int, bytes]:
        parts = await self._table.query_partition(f"job#{job_id}", prefix=job_items.VOICES)
        return job_items.voices_of(parts)

    async def count(self, job_id: str) -> int:
        """By keys: a stretch may take several items, so DynamoDB's own count would be too high."""
        keys = await self._keys(f"job#{job_id}")
        return job_items.count_values(keys)

    async def delete(self, state: Item) -> None:
        """What is kept of the job with that state item."""
        if job_items.VOICE_COUNT not in state:
            return
        await self._table.delete((item["pk"], item["sk"]) for item in await self._keys(state["pk"]))

    async def _keys(self, pk: str) -> list[Item]:
        query, values = "pk = :pk AND begins_with(sk, :sk)", {":pk": pk, ":sk": job_items.VOICES}
        return await self._table.query(query, values, consistent=True, only="pk, sk")


def _count(job_id: str, holder: str) -> Update:
    values: dict[str, str | float] = {":holder": holder, ":none": 0, ":one": 1}
    return Update(job_items.key_of(job_id), _COUNT, lease_updates.IS_HOLDER, values, {})
