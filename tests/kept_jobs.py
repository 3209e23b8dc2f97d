"""A store with many completed jobs: one as the server writes it, the others with the same rows."""

from __future__ import annotations

import asyncio
import time
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

from common.jobs import state
from common.jobs.events import make_event
from common.local.sqlite import job_rows, lease_rows
from common.local.sqlite.database import Database
from common.models import Audio, Job, Options, Piece, Segment, Transcript

if TYPE_CHECKING:
    from sqlite3 import Connection

_SENTENCE = "Buenos días, le llamo por la cita que tenía para el jueves que viene."


def keep_finished_jobs(data_dir: Path, count: int) -> list[str]:
    """Store `count` jobs of about a minute each, completed an hour ago; returns their ids."""
    database = Database(data_dir / "escriba.sqlite3")
    try:
        return asyncio.run(database.write(lambda db: _store(db, count)))
    finally:
        database.close()


def _store(db: Connection, count: int) -> list[str]:
    first = _store_first(db)
    ids = [first, *(str(uuid.uuid4()) for _ in range(count - 1))]
    for table in ("jobs", "chunks", "results", "events"):
        rows = db.execute(f"SELECT * FROM {table}").fetchall()
        places = ", ".join("?" * len(rows[0]))
        copies = (_copy_for(row, first, job_id) for job_id in ids[1:] for row in rows)
        db.executemany(f"INSERT INTO {table} VALUES ({places})", copies)
    return ids


def _copy_for(row: tuple[object, ...], job_id: str, other: str) -> list[object]:
    return [value.replace(job_id, other) if isinstance(value, str) else value for value in row]


def _store_first(db: Connection) -> str:
    now = time.time() - 3600
    audio = Audio(size_bytes=1_000_000, sha256="0" * 64, filename="llamada.mp3")
    expires_at = now + 3 * 86_400
    job = state.accept(str(uuid.uuid4()), options=Options(language="es"), now=now, expires_at=expires_at)
    job_rows.create(db, job, make_event(job), ())
    job = _commit(db, state.queue(job, audio, now=now, expires_at=expires_at))
    job = _commit(db, state.start(job, now=now))
    job = _commit(db, state.plan(job, pieces=1, done=0, now=now))
    transcript = _transcript()
    piece = Piece(index=0, start=0, transcript=transcript)
    lease_rows.lease(db, job.job_id, "test", now, 30)
    job_rows.keep_piece(db, job.job_id, piece, "test")
    job = state.add_piece(job, done=1, language="es", now=now)
    job_rows.commit(db, job, make_event(job, "text", piece=piece), None)
    completed = state.complete(job, language="es", now=now, expires_at=expires_at)
    _commit(db, completed, transcript)
    return job.job_id


def _commit(db: Connection, job: Job, result: Transcript | None = None) -> Job:
    job_rows.commit(db, job, make_event(job), result)
    return job


def _transcript() -> Transcript:
    segments = tuple(
        Segment(id=at, start=5.0 * at, end=5.0 * at + 5, text=f" {_SENTENCE}", avg_logprob=-0.2)
        for at in range(12)
    )
    return Transcript(text=" ".join([_SENTENCE] * 12), language="es", duration=60, segments=segments)
