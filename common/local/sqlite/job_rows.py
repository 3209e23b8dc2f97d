"""A job, its events and its text as rows; a commit also decides when a worker may take the job up."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING

from common.errors import JobNotFound
from common.jobs.due import FAR, OVERDUE_AFTER, due_time
from common.jobs.suspects import is_suspect
from common.local.sqlite import delivery_rows, lease_rows
from common.local.sqlite.lease_rows import LEASED
from common.models import Job, JobEvent, Piece, Transcript
from common.ports import AlreadyExists, StaleJob, Target

if TYPE_CHECKING:
    from sqlite3 import Connection

_CREATE = """
    INSERT INTO jobs
        (job_id, user_id, client, seq, status, suspect, document, due_at,
         created_at, updated_at, expires_at)
    VALUES (
        :job_id, :user_id, :client, :seq, :status, :suspect, :document, :due_at,
        :created_at, :updated_at, :expires_at
    )
    ON CONFLICT DO NOTHING
"""

# A job that runs stays due, so that it comes back by itself when its lease runs out.
_COMMIT = """
    UPDATE jobs SET
        seq = :seq, status = :status, document = :document, suspect = :suspect,
        updated_at = :updated_at, expires_at = :expires_at,
        due_at = CASE WHEN :status = 'processing' THEN coalesce(due_at, :due_at) ELSE :due_at END,
        lease_holder = CASE WHEN :due_at IS NULL THEN NULL ELSE lease_holder END,
        lease_until = CASE WHEN :due_at IS NULL THEN NULL ELSE lease_until END,
        lease_seconds = CASE WHEN :due_at IS NULL THEN NULL ELSE lease_seconds END
    WHERE job_id = :job_id AND seq = :seq - 1
"""

_KEEP_RESULT = """
    INSERT INTO results (job_id, document) VALUES (?, ?)
    ON CONFLICT (job_id) DO UPDATE SET document = excluded.document
"""

_EXPIRED = "SELECT document, client FROM jobs WHERE expires_at <= :now ORDER BY expires_at LIMIT :limit"

_OVERDUE = f"""
    SELECT document, client FROM jobs
    WHERE due_at IS NOT NULL AND (due_at <= :missed OR due_at > :far) AND NOT {LEASED}
    ORDER BY due_at LIMIT :limit
"""


def create(db: Connection, job: Job, event: JobEvent, targets: tuple[Target, ...]) -> None:
    document = _json(job)
    if not db.execute(_CREATE, _columns(job, document)).rowcount:
        raise AlreadyExists(get(db, job.job_id))
    _keep_event(db, event, job, document)
    delivery_rows.create(db, job, targets)


def get(db: Connection, job_id: str) -> Job:
    row = db.execute("SELECT document, client FROM jobs WHERE job_id = ?", (job_id,)).fetchone()
    if row is None:
        raise JobNotFound
    return read_job(*row)


def read_job(document: str, client: str | None) -> Job:
    return Job.model_validate_json(document).model_copy(update={"client": client})


def commit(db: Connection, job: Job, event: JobEvent, result: Transcript | None) -> None:
    document = _json(job)
    if not db.execute(_COMMIT, _columns(job, document)).rowcount:
        get(db, job.job_id)
        raise StaleJob(job.job_id)
    _keep_event(db, event, job, document)
    delivery_rows.commit(db, job)
    if result is not None:
        db.execute(_KEEP_RESULT, (job.job_id, _json(result)))


def remove(db: Connection, job_id: str) -> None:
    db.execute("DELETE FROM jobs WHERE job_id = ?", (job_id,))  # and by cascade all that points at it


def needing_audio(db: Connection, job_ids: list[str]) -> set[str]:
    query = """
        SELECT job_id FROM jobs
        WHERE job_id IN (SELECT value FROM json_each(?))
            AND (status != 'completed' OR job_id IN (SELECT job_id FROM speaker_tasks))
    """
    return {job_id for (job_id,) in db.execute(query, (json.dumps(job_ids),))}


def expired(db: Connection, now: float, limit: int) -> list[Job]:
    return _jobs(db, _EXPIRED, {"now": now, "limit": limit})


def overdue(db: Connection, now: float, limit: int) -> list[Job]:
    times = {"now": now, "missed": now - OVERDUE_AFTER, "far": now + FAR, "limit": limit}
    return _jobs(db, _OVERDUE, times)


def events(db: Connection, job_id: str, after: int) -> list[JobEvent]:
    rows = db.execute(
        """
        SELECT type, seq, job, piece, starts, ends, text FROM events
        WHERE job_id = ? AND seq > ? ORDER BY seq
        """,
        (job_id, after),
    )
    return [
        JobEvent(
            type=kind,
            seq=seq,
            job=Job.model_validate_json(job),
            index=piece,
            start=start,
            end=end,
            text=text,
        )
        for kind, seq, job, piece, start, end, text in rows
    ]


def keep_piece(db: Connection, job_id: str, piece: Piece, holder: str) -> None:
    lease_rows.require_holder(db, job_id, holder)
    db.execute(
        "INSERT INTO chunks VALUES (?, ?, ?) ON CONFLICT DO NOTHING", (job_id, piece.index, _json(piece))
    )


def pieces(db: Connection, job_id: str) -> list[Piece]:
    rows = db.execute("SELECT document FROM chunks WHERE job_id = ? ORDER BY piece", (job_id,))
    return [Piece.model_validate_json(document) for (document,) in rows]


def result(db: Connection, job_id: str, original: bool) -> Transcript | None:
    column = "original" if original else "document"
    row = db.execute(f"SELECT {column} FROM results WHERE job_id = ?", (job_id,)).fetchone()
    return Transcript.model_validate_json(row[0]) if row and row[0] else None


def keep_original(db: Connection, job_id: str) -> None:
    db.execute("UPDATE results SET original = document WHERE job_id = ? AND original IS NULL", (job_id,))


def erase_text(db: Connection, job_id: str) -> None:
    db.execute("DELETE FROM chunks WHERE job_id = ?", (job_id,))
    db.execute("DELETE FROM results WHERE job_id = ?", (job_id,))
    db.execute("UPDATE events SET text = NULL WHERE job_id = ? AND text IS NOT NULL", (job_id,))


def _keep_event(db: Connection, event: JobEvent, job: Job, document: str) -> None:
    """Store the event; delete the mere progress that it supersedes, so that a job's events stay few.

    `document` is `job` as JSON, and the event's too unless that keeps less.
    """
    job_id = event.job.job_id
    document = document if event.job is job else _json(event.job)
    db.execute(
        "DELETE FROM events WHERE job_id = ? AND seq = ? AND type = 'progress'", (job_id, event.seq - 1)
    )
    db.execute(
        "INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (job_id, event.seq, event.type, document, event.index, event.start, event.end, event.text),
    )


def _columns(job: Job, document: str) -> dict[str, str | float | None]:
    columns = {
        name: getattr(job, name)
        for name in ("job_id", "user_id", "client", "seq", "status", "created_at", "updated_at", "expires_at")
    }
    return {**columns, "document": document, "suspect": is_suspect(job), "due_at": due_time(job)}


def _json(value: Job | Piece | Transcript) -> str:
    return value.model_dump_json(by_alias=True, exclude_none=True)


def _jobs(db: Connection, query: str, values: Mapping[str, float]) -> list[Job]:
    return [read_job(*row) for row in db.execute(query, values)]
