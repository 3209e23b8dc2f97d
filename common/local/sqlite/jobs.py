"""`JobStore` over the container's database."""

from __future__ import annotations

from common.local.sqlite import client_rows, delivery_rows, job_rows, lease_rows
from common.local.sqlite.database import Database
from common.models import Job, JobEvent, Piece, Transcript
from common.ports import Delivery, Holdings, Target


class SqliteJobs:
    """Jobs as rows. `JobStore` says what each call promises; all may raise what `Database` does."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(self, job: Job, event: JobEvent, *, targets: tuple[Target, ...] = ()) -> None:
        await self._database.write(lambda db: job_rows.create(db, job, event, targets))

    async def get(self, job_id: str) -> Job:
        return await self._database.read(lambda db: job_rows.get(db, job_id))

    async def commit(self, job: Job, event: JobEvent, *, result: Transcript | None = None) -> None:
        await self._database.write(lambda db: job_rows.commit(db, job, event, result))

    async def events(self, job_id: str, *, after: int) -> list[JobEvent]:
        return await self._database.read(lambda db: job_rows.events(db, job_id, after))

    async def keep_piece(self, job_id: str, piece: Piece, *, holder: str) -> None:
        await self._database.write(lambda db: job_rows.keep_piece(db, job_id, piece, holder))

    async def pieces(self, job_id: str) -> list[Piece]:
        return await self._database.read(lambda db: job_rows.pieces(db, job_id))

    async def result(self, job_id: str, *, original: bool = False) -> Transcript | None:
        return await self._database.read(lambda db: job_rows.result(db, job_id, original))

    async def keep_original(self, job_id: str) -> None:
        await self._database.write(lambda db: job_rows.keep_original(db, job_id))

    async def held_by(self, client: str) -> Holdings:
        return await self._database.read(lambda db: client_rows.held_by(db, client))

    async def erase_text(self, job_id: str) -> None:
        await self._database.write(lambda db: job_rows.erase_text(db, job_id))
        await self._database.truncate_log()

    async def remove(self, job_id: str) -> None:
        await self._database.write(lambda db: job_rows.remove(db, job_id))

    async def needing_audio(self, job_ids: list[str]) -> set[str]:
        """Those of `job_ids` that are stored here and may still need their recording."""
        return await self._database.read(lambda db: job_rows.needing_audio(db, job_ids))

    async def lease(self, job_id: str, holder: str, *, now: float, seconds: float) -> Job:
        return await self._database.write(lambda db: lease_rows.lease(db, job_id, holder, now, seconds))

    async def renew(self, job_id: str, holder: str, *, now: float, seconds: float) -> None:
        await self._database.write(lambda db: lease_rows.renew(db, job_id, holder, now, seconds))

    async def release(self, job_id: str, holder: str) -> None:
        await self._database.write(lambda db: lease_rows.release(db, job_id, holder))

    async def expired(self, *, now: float, limit: int) -> list[Job]:
        return await self._database.read(lambda db: job_rows.expired(db, now, limit))

    async def overdue(self, *, now: float, limit: int) -> list[Job]:
        return await self._database.read(lambda db: job_rows.overdue(db, now, limit))

    async def deliveries(self, *, now: float, limit: int, target: Target | None = None) -> list[Delivery]:
        return await self._database.read(lambda db: delivery_rows.due(db, now, limit, target))

    async def delivery(self, job_id: str, target: Target) -> Delivery | None:
        return await self._database.read(lambda db: delivery_rows.get(db, job_id, target))

    async def redeliver(self, job_id: str, *, now: float) -> None:
        await self._database.write(lambda db: delivery_rows.redeliver(db, job_id, now))

    async def settle(self, delivery: Delivery) -> None:
        await self._database.write(lambda db: delivery_rows.settle(db, delivery))
