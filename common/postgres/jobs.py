"""`JobStore` over Postgres: a port call is one round trip, and each commit notifies the other instances."""

from __future__ import annotations

from typing import TYPE_CHECKING

from common.delivery import rules
from common.errors import JobNotFound, StoreUnavailable
from common.jobs.due import FAR, OVERDUE_AFTER
from common.models import Job, JobEvent, Piece, Transcript
from common.ports import AlreadyExists, Delivery, Holdings, LeaseLost, StaleJob, Target
from common.postgres.database import Database
from common.postgres.deliveries import DeliveryRows
from common.postgres.job_values import (
    SqlValue,
    of_deliveries,
    of_event,
    of_job,
    of_user,
    to_event,
    to_job,
    to_json,
)
from common.postgres.leases import LeaseRows
from common.postgres.notices import write_notice

if TYPE_CHECKING:
    from asyncpg import Record

_CREATE = f"SELECT escriba.create_job_of({', '.join(f'${n}' for n in range(1, 17))})"
_COMMIT = f"SELECT * FROM escriba.commit_job({', '.join(f'${n}' for n in range(1, 16))})"

_KEEP_PIECE = """
    WITH held AS (
        SELECT job_id FROM escriba.jobs WHERE job_id = $1 AND lease_holder = $4 FOR SHARE
    ), kept AS (
        INSERT INTO escriba.pieces SELECT job_id, $2, $3 FROM held ON CONFLICT DO NOTHING
    )
    SELECT EXISTS (SELECT 1 FROM held) AS is_held,
        EXISTS (SELECT 1 FROM escriba.jobs WHERE job_id = $1) AS is_known
"""

# A quoted name is never part of text in the document, which jsonb might refuse.
_HELD = """
    SELECT count(due_at), count(*) FILTER (WHERE status = 'pending'),
        coalesce(sum(substring(document FROM '"sizeBytes":([0-9]+)')::bigint) FILTER (
            WHERE status <> 'cancelled' AND strpos(document, '"erasedAt":') = 0), 0)::bigint
            + (SELECT coalesce(sum(substring(document FROM '"sizeBytes":([0-9]+)')::bigint), 0)::bigint
                FROM escriba.speaker_tasks JOIN escriba.jobs USING (job_id) WHERE client = $1),
        (SELECT count(*) FROM escriba.jobs WHERE status = 'pending' AND status <> 'completed')
    FROM escriba.jobs WHERE client = $1 AND status <> 'completed'
"""

_ERASE_TEXT = """
    WITH pieces AS (DELETE FROM escriba.pieces WHERE job_id = $1),
        results AS (DELETE FROM escriba.results WHERE job_id = $1)
    UPDATE escriba.events SET text = NULL WHERE job_id = $1 AND text IS NOT NULL
"""

_KEEP_ORIGINAL = "UPDATE escriba.results SET original = document WHERE job_id = $1 AND original IS NULL"

_EVENTS = """
    SELECT type, seq, job, detail, text FROM escriba.events WHERE job_id = $1 AND seq > $2 ORDER BY seq
"""

_EXPIRED = "SELECT document, client FROM escriba.jobs WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2"

_NEEDING_AUDIO = """
    SELECT job_id FROM escriba.jobs WHERE job_id = ANY ($1::text[])
        AND (status <> 'completed' OR job_id IN (SELECT job_id FROM escriba.speaker_tasks))
"""

_OVERDUE = """
    SELECT document, client FROM escriba.jobs
    WHERE due_at IS NOT NULL AND (due_at <= $2 OR due_at > $3)
        AND NOT coalesce(lease_until > $1 AND lease_until <= $1 + 2 * lease_seconds, false)
    ORDER BY due_at LIMIT $4
"""


class PostgresJobs(LeaseRows):
    """`JobStore` says what each call promises. `origin` names this instance in notices."""

    def __init__(self, database: Database, *, origin: str = "") -> None:
        super().__init__(database, origin)
        self._unconfirmed: dict[str, str] = {}
        self._deliveries = DeliveryRows(database)

    async def create(self, job: Job, event: JobEvent, *, targets: tuple[Target, ...] = ()) -> None:
        wanted = of_deliveries([rules.create(job, target) for target in targets])
        notice = write_notice(self._origin, job)
        values = (job.client, *of_job(job), *of_event(event), notice, of_user(job), job.created_at, wanted)
        existing = await self._database.value(_CREATE, *values)
        self._database.note_change()
        if existing is not None:
            raise AlreadyExists(Job.model_validate_json(existing))

    async def get(self, job_id: str) -> Job:
        row = await self._database.row("SELECT document, client FROM escriba.jobs WHERE job_id = $1", job_id)
        if row is None:
            raise JobNotFound
        return to_job(row)

    async def commit(self, job: Job, event: JobEvent, *, result: Transcript | None = None) -> None:
        columns = (*of_job(job), *of_event(event), write_notice(self._origin, job))
        text = to_json(result) if result is not None else None

        async def keep(known: str, wanted: str) -> tuple[str, str]:
            row = await self._send_commit(job, (*columns, text, known, wanted))
            if row is None or row["outcome"] == "missing":
                raise JobNotFound
            if row["outcome"] != "stale":
                return row["outcome"], row["stored"]
            if row["stored"] != self._unconfirmed.pop(job.job_id, None):
                raise StaleJob(job.job_id)
            return "done", known  # by an earlier call, whose answer was lost

        await self._deliveries.change(job.job_id, lambda delivery: rules.commit(delivery, job), keep)
        self._database.note_change()

    async def _send_commit(self, job: Job, values: tuple[SqlValue, ...]) -> Record | None:
        """A call without an answer may have been a commit: then this job at its next `seq` is our own."""
        for tries_left in (1, 0):
            try:
                row = await self._database.row(_COMMIT, *values, repeats=False)
            except StoreUnavailable:
                self._unconfirmed[job.job_id] = to_json(job)
                if not tries_left:
                    raise
            else:
                if row is None or row["outcome"] != "stale":
                    self._unconfirmed.pop(job.job_id, None)
                return row
        return None

    async def events(self, job_id: str, *, after: int) -> list[JobEvent]:
        return [to_event(row) for row in await self._database.rows(_EVENTS, job_id, after)]

    async def keep_piece(self, job_id: str, piece: Piece, *, holder: str) -> None:
        row = await self._database.row(_KEEP_PIECE, job_id, piece.index, to_json(piece), holder)
        if row is None or not row["is_known"]:
            raise JobNotFound
        if not row["is_held"]:
            raise LeaseLost(job_id)

    async def pieces(self, job_id: str) -> list[Piece]:
        query = "SELECT document FROM escriba.pieces WHERE job_id = $1 ORDER BY piece"
        return [Piece.model_validate_json(row[0]) for row in await self._database.rows(query, job_id)]

    async def result(self, job_id: str, *, original: bool = False) -> Transcript | None:
        column = "original" if original else "document"
        text = await self._database.value(f"SELECT {column} FROM escriba.results WHERE job_id = $1", job_id)
        return None if text is None else Transcript.model_validate_json(text)

    async def keep_original(self, job_id: str) -> None:
        await self._database.rows(_KEEP_ORIGINAL, job_id)

    async def held_by(self, client: str) -> Holdings:
        row = await self._database.row(_HELD, client)
        return Holdings(*row) if row else Holdings()

    async def erase_text(self, job_id: str) -> None:
        await self._database.rows(_ERASE_TEXT, job_id)

    async def remove(self, job_id: str) -> None:
        await self._database.rows("DELETE FROM escriba.jobs WHERE job_id = $1", job_id)  # the rest by cascade

    async def needing_audio(self, job_ids: list[str]) -> set[str]:
        """Those of `job_ids` that are stored and may still need their recording."""
        if not job_ids:
            return set()
        rows = await self._database.rows(_NEEDING_AUDIO, job_ids, counts=False)
        return {row[0] for row in rows}

    async def expired(self, *, now: float, limit: int) -> list[Job]:
        rows = await self._database.rows(_EXPIRED, now, limit, counts=False)
        return [to_job(row) for row in rows]

    async def overdue(self, *, now: float, limit: int) -> list[Job]:
        rows = await self._database.rows(_OVERDUE, now, now - OVERDUE_AFTER, now + FAR, limit, counts=False)
        return [to_job(row) for row in rows]

    async def deliveries(self, *, now: float, limit: int, target: Target | None = None) -> list[Delivery]:
        return await self._deliveries.due(now, limit, target)

    async def delivery(self, job_id: str, target: Target) -> Delivery | None:
        return await self._deliveries.get(job_id, target)

    async def settle(self, delivery: Delivery) -> None:
        await self._deliveries.settle(delivery)
        self._database.note_change()

    async def redeliver(self, job_id: str, *, now: float) -> None:
        await self._deliveries.redeliver(job_id, now)
        self._database.note_change()
