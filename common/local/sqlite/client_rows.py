"""What one client has in the store, counted by an index that leaves completed jobs out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from common.ports import Holdings

if TYPE_CHECKING:
    from sqlite3 import Connection

_HELD = """
    SELECT count(due_at), count(*) FILTER (WHERE status = 'pending'),
        coalesce(sum(document ->> '$.audio.sizeBytes') FILTER (
            WHERE status <> 'cancelled' AND document ->> '$.erasedAt' IS NULL), 0)
            + (SELECT coalesce(sum(document ->> '$.audio.sizeBytes'), 0)
                FROM speaker_tasks JOIN jobs USING (job_id) WHERE client = :client)
    FROM jobs WHERE client = :client AND status <> 'completed'
"""
_ALL_PENDING = "SELECT count(*) FROM jobs WHERE status = 'pending' AND status <> 'completed'"


def held_by(db: Connection, client: str) -> Holdings:
    (pending_of_all,) = db.execute(_ALL_PENDING).fetchone()
    jobs, pending, stored_bytes = db.execute(_HELD, {"client": client}).fetchone()
    return Holdings(jobs, pending, stored_bytes, pending_of_all)
