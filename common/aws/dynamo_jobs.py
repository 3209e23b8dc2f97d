"""`JobStore` over one DynamoDB table.

Indexes only tell where to look: they lag behind, so the items are read again before they are used.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

from common.aws import client_items, delivery_items, job_items, lease_updates
from common.aws.delivery_items import Row
from common.aws.dynamo_deliveries import DynamoDeliveries, delivery_action
from common.aws.dynamo_originals import DynamoOriginals
from common.aws.dynamo_voices import DynamoVoices
from common.aws.overdue_jobs import OverdueJobs
from common.aws.table import ConditionFailed, Table
from common.aws.table_requests import Item, Key, Update, check_action, put_action, update_action
from common.delivery import rules
from common.errors import Busy, JobNotFound, StorageFull
from common.jobs.text_state import is_final
from common.models import Job, JobEvent, Piece, Transcript
from common.ports import AlreadyExists, Delivery, Holdings, LeaseLost, StaleJob, Target

_IS_NEW = "attribute_not_exists(pk)"
_TRIES = 20


class DynamoJobs:
    """Jobs as items. `JobStore` says what each call promises; all may raise Busy, StorageBroken.

    A job that is `lost_after` seconds past its time counts as lost by the queue, such as with a worker that
    died before it took the lease, unless `count_messages` finds as many messages as there are jobs that wait.
    """

    def __init__(
        self,
        table: Table,
        *,
        lost_after: float = 300.0,
        count_messages: Callable[[], Awaitable[int]] | None = None,
    ) -> None:
        self._table = table
        self._lost_after = lost_after
        self._deliveries = DynamoDeliveries(table)
        self._originals = DynamoOriginals(table)
        self._voices = DynamoVoices(table)
        self._overdue = OverdueJobs(table, lost_after=lost_after, count_messages=count_messages)

    # ── jobs ──────────────────────────────────────────────────────────────────────────────────────

    async def create(self, job: Job, event: JobEvent, *, targets: tuple[Target, ...] = ()) -> None:
        ttl = job_items.ttl_of(job.expires_at)
        rows = [Row(rules.create(job, target)) for target in targets]
        for _ in range(_TRIES):
            try:
                await self._table.write(
                    put_action(job_items.state_item(job), condition=_IS_NEW),
                    put_action(job_items.event_item(event)),
                    *(put_action(delivery_items.item_of(row, ttl)) for row in rows),
                    *client_items.actions_of(job),
                )
                return
            except ConditionFailed:
                with suppress(JobNotFound):  # removed between the two calls: the next try succeeds
                    raise AlreadyExists(await self.get(job.job_id)) from None
        raise Busy(retry_after=1)

    async def get(self, job_id: str) -> Job:
        return job_items.job_of(await self._state(job_id))

    async def commit(self, job: Job, event: JobEvent, *, result: Transcript | None = None) -> None:
        texts = job_items.result_items(job, result) if result else []
        if sum(len(part["bytes"]) for part in texts) > job_items.LARGEST_RESULT:
            raise StorageFull
        for _ in range(_TRIES):
            if await self._try_commit(job, event, texts):
                return
        raise Busy(retry_after=1)

    async def _try_commit(self, job: Job, event: JobEvent, texts: list[Item]) -> bool:
        """False when only a delivery or the embeddings changed meanwhile, so that all can be decided anew."""
        state, rows = await self._deliveries.read_with_state(job.job_id)
        if state["seq"] != job.seq - 1:
            raise StaleJob(job.job_id)
        if is_final(job):
            await self._voices.delete(state)
        before = job_items.job_of(state)
        ttl = job_items.ttl_of(job.expires_at)
        changes = [(row, row.become(rules.commit(row.delivery, job))) for row in rows]
        try:
            await self._table.write(
                update_action(job_items.commit(job, before, voice_count=state.get(job_items.VOICE_COUNT))),
                put_action(job_items.event_item(event)),
                *(delivery_action(before, after, ttl) for before, after in changes if after != before),
                *(put_action(part) for part in texts),
                *client_items.actions_of(job, before),
            )
        except ConditionFailed:
            return False
        return True

    async def events(self, job_id: str, *, after: int) -> list[JobEvent]:
        items = await self._table.query(
            "pk = :pk AND sk BETWEEN :first AND :last",
            {
                ":pk": f"job#{job_id}",
                ":first": job_items.event_sk(after + 1),
                ":last": job_items.PROGRESS,
            },
            consistent=True,
        )
        events = [job_items.event_of(item) for item in items if item["seq"] > after]
        return sorted(events, key=lambda event: event.seq)

    async def remove(self, job_id: str) -> None:
        # The state goes last: while it is there, a later sweep takes up a removal that was cut short.
        for is_last in (False, True):
            keys = await self._keys(job_id)
            await self._table.delete(key for key in keys if is_last or key[1] != job_items.STATE)
        await self._table.delete(await self._keys(job_id))

    # ── text ──────────────────────────────────────────────────────────────────────────────────────

    async def keep_piece(self, job_id: str, piece: Piece, *, holder: str) -> None:
        state = await self._state(job_id)
        first, *more = job_items.piece_items(job_id, piece, job_items.ttl_of(state["expires_at"]))
        try:
            await self._table.write(
                check_action(job_items.key_of(job_id), lease_updates.IS_HOLDER, {":holder": holder}),
                put_action(first, condition=_IS_NEW),
                *(put_action(part) for part in more),
            )
        except ConditionFailed as failed:
            if 0 in failed.parts:
                raise LeaseLost(job_id) from None

    async def pieces(self, job_id: str) -> list[Piece]:
        parts = await self._table.query_partition(f"job#{job_id}", prefix=job_items.PIECE)
        return [Piece.model_validate_json(document) for document in job_items.join_parts(parts)]

    async def result(self, job_id: str, *, original: bool = False) -> Transcript | None:
        prefix = job_items.ORIGINAL if original else job_items.RESULT
        parts = await self._table.query_partition(f"job#{job_id}", prefix=prefix)
        documents = job_items.join_parts(parts)
        return Transcript.model_validate_json(documents[0]) if documents else None

    async def keep_original(self, job_id: str) -> None:
        await self._originals.keep(job_id)

    async def held_by(self, client: str) -> Holdings:
        items = await self._table.query_partition(client_items.partition(client))
        return client_items.holdings_of(items)

    async def erase_text(self, job_id: str) -> None:
        keys = await self._keys(job_id)
        texts = (job_items.PIECE, job_items.RESULT, job_items.ORIGINAL)
        await self._table.delete(key for key in keys if key[1].startswith(texts))
        await self._originals.erase(job_id)
        await asyncio.gather(*(self._erase_event(key) for key in keys if key[1].startswith(job_items.EVENT)))

    async def _erase_event(self, key: Key) -> None:
        with suppress(ConditionFailed):
            await self._table.update(
                Update(key, "REMOVE #text", "attribute_exists(#text)", {}, {"#text": "text"})
            )

    # ── leases ────────────────────────────────────────────────────────────────────────────────────

    async def lease(self, job_id: str, holder: str, *, now: float, seconds: float) -> Job:
        try:
            update = lease_updates.lease(job_id, holder, now=now, seconds=seconds)
            return job_items.job_of(await self._table.update(update))
        except ConditionFailed:
            await self.get(job_id)
            raise LeaseLost(job_id) from None

    async def renew(self, job_id: str, holder: str, *, now: float, seconds: float) -> None:
        try:
            await self._table.update(lease_updates.renew(job_id, holder, now=now, seconds=seconds))
        except ConditionFailed:
            raise LeaseLost(job_id) from None

    async def release(self, job_id: str, holder: str) -> None:
        with suppress(ConditionFailed):
            await self._table.update(lease_updates.release(job_id, holder))

    async def note_message(self, job_id: str, *, now: float, due_at: float) -> None:
        """A message will bring this job at `due_at`: until some time after that, it is not overdue.

        A lease that has ended is removed, so that the worker that let it end cannot renew it.
        """
        overdue_before = due_at - self._lost_after / 2
        with suppress(ConditionFailed):
            await self._table.update(
                lease_updates.note_message(job_id, now=now, due_at=due_at, overdue_before=overdue_before)
            )

    # ── what the sweep asks ───────────────────────────────────────────────────────────────────────

    async def expired(self, *, now: float, limit: int) -> list[Job]:
        index_items = await self._table.query(
            "expiring = :all AND expires_at <= :now",
            {":all": "job", ":now": now},
            index=job_items.EXPIRING,
            limit=limit,
        )
        jobs = [job_items.job_of(item) for item in await self._table.read_again(index_items)]
        return sorted((job for job in jobs if job.expires_at <= now), key=lambda job: job.expires_at)

    async def overdue(self, *, now: float, limit: int) -> list[Job]:
        return await self._overdue.find(now=now, limit=limit)

    # ── deliveries ────────────────────────────────────────────────────────────────────────────────

    async def deliveries(self, *, now: float, limit: int, target: Target | None = None) -> list[Delivery]:
        return await self._deliveries.due(now=now, limit=limit, target=target)

    async def delivery(self, job_id: str, target: Target) -> Delivery | None:
        return await self._deliveries.get(job_id, target)

    async def settle(self, delivery: Delivery) -> None:
        await self._deliveries.settle(delivery)

    async def redeliver(self, job_id: str, *, now: float) -> None:
        await self._deliveries.redeliver(job_id, now=now)

    # ── reading ───────────────────────────────────────────────────────────────────────────────────

    async def _state(self, job_id: str) -> Item:
        item = await self._table.get(job_items.key_of(job_id))
        if item is None:
            raise JobNotFound
        return item

    async def _keys(self, job_id: str) -> list[Key]:
        items = await self._table.query("pk = :pk", {":pk": f"job#{job_id}"}, consistent=True, only="pk, sk")
        return [(item["pk"], item["sk"]) for item in items]
