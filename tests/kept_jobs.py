"""A store with many finished jobs in it: one as the server writes it, the others with the same rows."""

from __future__ import annotations

import asyncio
import time
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

from common.jobs import state
from common.local.sqlite import job_rows, lease_rows
from common.local.sqlite.database import Database
from common.models import Audio, Job, Options, Piece, Segment, Transcript

if TYPE_CHECKING:
    from sqlite3 import Connection

_SENTENCE = "Buenos días, le llamo por la cita que tenía para el jueves que viene."


def keep_finished_jobs(data_dir: Path, count: int) -> list[str]:
    """The ids of `count` completed jobs of about a minute each, finished an hour ago."""
    database = Database(data_dir / "escriba.sqlite3")
    try:
        return asyncio.run(database.write(lambda db: _finished(db, count)))
    finally:
        database.close()


def _finished(db: Connection, count: int) -> list[str]:
    first = _as_the_server_does(db)
    ids = [first, *(str(uuid.uuid4()) for _ in range(count - 1))]
    for table in ("jobs", "chunks", "results", "events"):
        rows = db.execute(f"SELECT * FROM {table}").fetchall()
        places = ", ".join("?" * len(rows[0]))
        copies = (_of_another(row, first, job_id) for job_id in ids[1:] for row in rows)
        db.executemany(f"INSERT INTO {table} VALUES ({places})", copies)
    return ids


def _of_another(row: tuple[object, ...], job_id: str, other: str) -> list[object]:
    return [value.replace(job_id, other) if isinstance(value, str) else value for value in row]


def _as_the_server_does(db: Connection) -> str:
    now = time.time() - 3600
    audio = Audio(size_bytes=1_000_000, sha256="0" * 64, filename="llamada.mp3")
    expires_at = now + 3 * 86_400
    job = state.accept(str(uuid.uuid4()), options=Options(language="es"), now=now, expires_at=expires_at)
    job_rows.create(db, job, state.event_of(job), ())
    job = _committed(db, state.queue(job, audio, now=now, expires_at=expires_at))
    job = _committed(db, state.start(job, now=now))
    job = _committed(db, state.plan(job, pieces=1, done=0, now=now))
    transcript = _transcript()
    piece = Piece(index=0, start=0, transcript=transcript)
    lease_rows.lease(db, job.job_id, "test", now, 30)
    job_rows.keep_piece(db, job.job_id, piece, "test")
    heard = state.add_piece(job, done=1, language="es", now=now)
    job_rows.commit(db, heard, state.event_of(heard, "text", piece=piece), None)
    done = state.complete(heard, language="es", now=now, expires_at=expires_at)
    _committed(db, done, transcript)
    return job.job_id


def _committed(db: Connection, job: Job, result: Transcript | None = None) -> Job:
    job_rows.commit(db, job, state.event_of(job), result)
    return job


def _transcript() -> Transcript:
    segments = tuple(
        Segment(id=at, start=5.0 * at, end=5.0 * at + 5, text=f" {_SENTENCE}", avg_logprob=-0.2)
        for at in range(12)
    )
    return Transcript(text=" ".join([_SENTENCE] * 12), language="es", duration=60, segments=segments)
