"""`JobStore` over one DynamoDB table.

Indexes only tell where to look: they lag behind, so what they name is read again before it is believed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

from common.aws import delivery_items, job_items
from common.aws.delivery_items import Row
from common.aws.table import Change, ConditionFailed, Item, Key, Table, changing, putting, requiring
from common.delivery import rules
from common.errors import Busy, JobNotFound, StorageFull
from common.models import Job, JobEvent, Piece, Transcript
from common.ports import TARGETS, AlreadyExists, Delivery, LeaseLost, StaleJob, Target

_NEW = "attribute_not_exists(pk)"
_TRIES = 20

_FAR = 86_400.0


class DynamoJobs:
    """Jobs as items. What each call promises is written at `JobStore`; all may raise Busy, StorageBroken.

    A message that brings a job may take its time. A job that is `patience` seconds past its own was lost by
    the queue, such as with a worker that died before it took the job up, unless `messages` tells that as many
    lie there as jobs wait.
    """

    def __init__(
        self, table: Table, *, patience: float = 300.0, messages: Callable[[], Awaitable[int]] | None = None
    ) -> None:
        self._table = table
        self._patience = patience
        self._messages = messages or _none

    # ── jobs ──────────────────────────────────────────────────────────────────────────────────────

    async def create(self, job: Job, event: JobEvent, *, targets: tuple[Target, ...] = ()) -> None:
        ttl = job_items.ttl_of(job.expires_at)
        rows = [Row(rules.create(job, target)) for target in targets]
        for _ in range(_TRIES):
            try:
                await self._table.write(
                    putting(job_items.state_item(job), condition=_NEW),
                    putting(job_items.event_item(event)),
                    *(putting(delivery_items.item_of(row, ttl)) for row in rows),
                )
                return
            except ConditionFailed:
                with suppress(JobNotFound):  # removed between the two: then there is room for this one
                    raise AlreadyExists(await self.get(job.job_id)) from None
        raise Busy(retry_after=1)

    async def get(self, job_id: str) -> Job:
        return job_items.job_of(await self._state(job_id))

    async def commit(self, job: Job, event: JobEvent, *, result: Transcript | None = None) -> None:
        texts = job_items.result_items(job, result) if result else []
        if sum(len(part["bytes"]) for part in texts) > job_items.LARGEST_RESULT:
            raise StorageFull
        for _ in range(_TRIES):
            if await self._committed(job, event, texts):
                return
        raise Busy(retry_after=1)

    async def _committed(self, job: Job, event: JobEvent, texts: list[Item]) -> bool:
        """False when only a delivery changed meanwhile, so that all can be decided anew."""
        state, rows = await self._with_deliveries(job.job_id)
        if state["seq"] != job.seq - 1:
            raise StaleJob(job.job_id)
        ttl = job_items.ttl_of(job.expires_at)
        wanted = [(row, row.become(rules.commit(row.delivery, job))) for row in rows]
        try:
            await self._table.write(
                changing(job_items.commit(job)),
                putting(job_items.event_item(event)),
                *(_settling(before, after, ttl) for before, after in wanted if after != before),
                *(putting(part) for part in texts),
            )
        except ConditionFailed as failed:
            if 0 in failed.parts:
                await self.get(job.job_id)
                raise StaleJob(job.job_id) from None
            return False
        return True

    async def events(self, job_id: str, *, after: int) -> list[JobEvent]:
        found = await self._table.query(
            "pk = :pk AND sk BETWEEN :first AND :last",
            {
                ":pk": f"job#{job_id}",
                ":first": job_items.event_sk(after + 1),
                ":last": job_items.PROGRESS,
            },
            consistent=True,
        )
        events = [job_items.event_of(item) for item in found if item["seq"] > after]
        return sorted(events, key=lambda event: event.seq)

    async def remove(self, job_id: str) -> None:
        # The state goes last: while it stands, a removal that was cut short is begun again.
        for last in (False, True):
            keys = await self._keys(job_id)
            await self._table.delete(key for key in keys if last or key[1] != job_items.STATE)
        await self._table.delete(await self._keys(job_id))

    # ── text ──────────────────────────────────────────────────────────────────────────────────────

    async def keep_piece(self, job_id: str, piece: Piece, *, holder: str) -> None:
        state = await self._state(job_id)
        first, *more = job_items.piece_items(job_id, piece, job_items.ttl_of(state["expires_at"]))
        try:
            await self._table.write(
                requiring(job_items.key_of(job_id), job_items.HELD, {":holder": holder}),
                putting(first, condition=_NEW),
                *(putting(part) for part in more),
            )
        except ConditionFailed as failed:
            if 0 in failed.parts:
                raise LeaseLost(job_id) from None

    async def pieces(self, job_id: str) -> list[Piece]:
        parts = await self._table.begins(f"job#{job_id}", job_items.PIECE)
        return [Piece.model_validate_json(document) for document in job_items.documents(parts)]

    async def result(self, job_id: str) -> Transcript | None:
        parts = await self._table.begins(f"job#{job_id}", job_items.RESULT)
        documents = job_items.documents(parts)
        return Transcript.model_validate_json(documents[0]) if documents else None

    async def erase_text(self, job_id: str) -> None:
        keys = await self._keys(job_id)
        texts = (job_items.PIECE, job_items.RESULT)
        await self._table.delete(key for key in keys if key[1].startswith(texts))
        await asyncio.gather(*(self._silence(key) for key in keys if key[1].startswith(job_items.EVENT)))

    async def _silence(self, key: Key) -> None:
        with suppress(ConditionFailed):
            await self._table.change(
                Change(key, "REMOVE #text", "attribute_exists(#text)", {}, {"#text": "text"})
            )

    # ── leases ────────────────────────────────────────────────────────────────────────────────────

    async def lease(self, job_id: str, holder: str, *, now: float, seconds: float) -> Job:
        try:
            return job_items.job_of(await self._table.change(job_items.lease(job_id, holder, now, seconds)))
        except ConditionFailed:
            await self.get(job_id)
            raise LeaseLost(job_id) from None

    async def renew(self, job_id: str, holder: str, *, now: float, seconds: float) -> None:
        try:
            await self._table.change(job_items.renew(job_id, holder, now, seconds))
        except ConditionFailed:
            raise LeaseLost(job_id) from None

    async def release(self, job_id: str, holder: str) -> None:
        with suppress(ConditionFailed):
            await self._table.change(job_items.release(job_id, holder))

    # ── what time brings ──────────────────────────────────────────────────────────────────────────

    async def expired(self, *, now: float, limit: int) -> list[Job]:
        found = await self._table.query(
            "expiring = :all AND expires_at <= :now",
            {":all": "job", ":now": now},
            index=job_items.EXPIRING,
            limit=limit,
        )
        jobs = [job_items.job_of(item) for item in await self._again(found)]
        return sorted((job for job in jobs if job.expires_at <= now), key=lambda job: job.expires_at)

    async def overdue(self, *, now: float, limit: int) -> list[Job]:
        """Those whose worker died, found by the lease it left, and those the queue has lost."""
        named = [
            *await self._due("due_at <= :at", now),
            *await self._due("due_at > :at", now + _FAR),
        ]
        found = [item for item in await self._again(named) if "due_at" in item]
        free = [item for item in found if not job_items.leased(item, now)]
        free.sort(key=lambda item: float(item["due_at"]))
        left = [item for item in free if self._is_left(item, now)]
        waiting = [item for item in free if item["due_at"] <= now and not self._is_left(item, now)]
        lost = [item for item in waiting if item["due_at"] <= now - self._patience]
        if lost:
            # How many of those that wait have no message can be asked, not which: so none are multiplied.
            lost = lost[: max(0, len(waiting) - await self._messages())]
        return [job_items.job_of(item) for item in (left + lost)[:limit]]

    def _is_left(self, item: Item, now: float) -> bool:
        """Whether a worker fell silent over it, or a clock stepped back: of those that no lease keeps."""
        due_at: float = item["due_at"]
        return due_at > now + _FAR or ("lease_until" in item and due_at <= now)

    async def _due(self, when: str, at: float) -> list[Item]:
        return await self._table.query(
            f"due = :all AND {when}", {":all": "job", ":at": at}, index=job_items.DUE
        )

    async def expect(self, job_id: str, *, now: float, at: float) -> None:
        """A message will bring this job at `at`: until some time after, it is not overdue.

        Nor is it left by the dead any more: the lease of a worker that was silent for too long is taken off.
        """
        with suppress(ConditionFailed):
            await self._table.change(job_items.expect(job_id, now, at, before=at - self._patience / 2))

    # ── deliveries ────────────────────────────────────────────────────────────────────────────────

    async def deliveries(self, *, now: float, limit: int, target: Target | None = None) -> list[Delivery]:
        named = await asyncio.gather(
            *(
                self._open(delivery_items.partition(one, ended=ended, immediate=immediate), when, at, limit)
                for one in ((target,) if target else TARGETS)
                for ended in (True, False)
                for immediate, when, at in (
                    (True, "next_at > :at", 0.0),
                    (False, "next_at <= :at", now),
                    (False, "next_at > :at", now + rules.FAR),
                )
            )
        )
        again = await self._again([item for items in named for item in items])
        stored = [delivery_items.row_of(item).delivery for item in again]
        due = [delivery for delivery in stored if rules.is_due(delivery, now)]
        due.sort(key=lambda delivery: (not delivery.ended, delivery.next_at))
        return due[:limit]

    async def _open(self, place: str, when: str, at: float, limit: int) -> list[Item]:
        return await self._table.query(
            f"news = :place AND {when}", {":place": place, ":at": at}, index=delivery_items.INDEX, limit=limit
        )

    async def delivery(self, job_id: str, target: Target) -> Delivery | None:
        item = await self._table.get(delivery_items.key_of(job_id, target))
        return delivery_items.row_of(item).delivery if item else None

    async def settle(self, delivery: Delivery) -> None:
        for _ in range(_TRIES):
            item = await self._table.get(delivery_items.key_of(delivery.job_id, delivery.target))
            if item is None:
                return
            row = delivery_items.row_of(item)
            after = row.become(rules.settle(row.delivery, delivery))
            with suppress(ConditionFailed):
                await self._table.write(_settling(row, after, item.get("ttl")))
                return
        raise Busy(retry_after=1)

    async def redeliver(self, job_id: str, *, now: float) -> None:
        for _ in range(_TRIES):
            try:
                state, rows = await self._with_deliveries(job_id)
            except JobNotFound:
                return
            if not rows:
                return
            job = job_items.job_of(state)
            wanted = [(row, row.become(rules.redeliver(row.delivery, job, now))) for row in rows]
            anew = [_settling(before, after, state["ttl"]) for before, after in wanted]
            with suppress(ConditionFailed):
                await self._table.write(*anew)
                return
        raise Busy(retry_after=1)

    # ── reading ───────────────────────────────────────────────────────────────────────────────────

    async def _state(self, job_id: str) -> Item:
        item = await self._table.get(job_items.key_of(job_id))
        if item is None:
            raise JobNotFound
        return item

    async def _with_deliveries(self, job_id: str) -> tuple[Item, list[Row]]:
        found = await self._table.begins(f"job#{job_id}", job_items.STATE)
        if not found or found[0]["sk"] != job_items.STATE:
            raise JobNotFound
        return found[0], [delivery_items.row_of(item) for item in found[1:]]

    async def _again(self, named: list[Item]) -> list[Item]:
        """The items that an index named, as they are now."""
        keys = list(dict.fromkeys((item["pk"], item["sk"]) for item in named))
        batches = [keys[first : first + 100] for first in range(0, len(keys), 100)]
        found = await asyncio.gather(*(self._table.get_all(batch) for batch in batches))
        return [item for items in found for item in items]

    async def _keys(self, job_id: str) -> list[Key]:
        found = await self._table.query("pk = :pk", {":pk": f"job#{job_id}"}, consistent=True, only="pk, sk")
        return [(item["pk"], item["sk"]) for item in found]


def _settling(before: Row, after: Row, ttl: int | None) -> dict[str, object]:
    return putting(
        delivery_items.item_of(after, ttl),
        condition="version = :version",
        values={":version": before.version},
    )


async def _none() -> int:
    return 0
