"""Who may run a job, and until when: columns of its row."""

from __future__ import annotations

from typing import TYPE_CHECKING

from common.errors import JobNotFound
from common.models import Job
from common.ports import LeaseLost

if TYPE_CHECKING:
    from sqlite3 import Connection

# SQL: the row is leased at :now. A lease that ends further ahead than anyone could have asked for was written
# before the clock stepped back, and counts as over.
LEASED = "coalesce(lease_until > :now AND lease_until <= :now + 2 * lease_seconds, 0)"


def lease(db: Connection, job_id: str, holder: str, now: float, seconds: float) -> Job:
    row = db.execute(
        f"SELECT document, client, lease_holder, {LEASED} FROM jobs WHERE job_id = :job_id",
        {"job_id": job_id, "now": now},
    ).fetchone()
    if row is None:
        raise JobNotFound
    document, client, current_holder, is_leased = row
    job = Job.model_validate_json(document).model_copy(update={"client": client})
    if job.has_ended or (is_leased and current_holder != holder):
        raise LeaseLost(job_id)
    db.execute(
        "UPDATE jobs SET lease_holder = ?, lease_until = ?, lease_seconds = ? WHERE job_id = ?",
        (holder, now + seconds, seconds, job_id),
    )
    return job


def renew(db: Connection, job_id: str, holder: str, now: float, seconds: float) -> None:
    updated = db.execute(
        "UPDATE jobs SET lease_until = ?, lease_seconds = ? WHERE job_id = ? AND lease_holder = ?",
        (now + seconds, seconds, job_id, holder),
    )
    if not updated.rowcount:
        raise LeaseLost(job_id)


def require_holder(db: Connection, job_id: str, holder: str) -> None:
    """Raises LeaseLost unless the lease is still `holder`'s, JobNotFound."""
    row = db.execute("SELECT lease_holder FROM jobs WHERE job_id = ?", (job_id,)).fetchone()
    if row is None:
        raise JobNotFound
    if row[0] != holder:
        raise LeaseLost(job_id)


def release(db: Connection, job_id: str, holder: str) -> None:
    db.execute(
        """
        UPDATE jobs SET lease_holder = NULL, lease_until = NULL, lease_seconds = NULL
        WHERE job_id = ? AND lease_holder = ?
        """,
        (job_id, holder),
    )
