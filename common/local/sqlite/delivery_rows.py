"""What Convex and callbacks have not confirmed yet: one row for each job and target."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from common.models import Job
from common.ports import Delivery, Target

if TYPE_CHECKING:
    from sqlite3 import Connection

_DELIVERY = "job_id, target, wanted_seq, confirmed_seq, attempts, next_at, last_error"

# No back-off is longer than a Retry-After of an hour: a time further ahead was left by a clock that stepped
# back, and has come. So has that of a job's first and last news, unless a try has failed since.
_FAR = 3600.0

_OPEN = f"""
    SELECT {_DELIVERY} FROM deliveries
    WHERE wanted_seq > confirmed_seq AND (
        next_at <= :now OR next_at > :far OR (attempts = 0 AND (ended OR confirmed_seq = 0))
    )
"""
_IN_TURN = " ORDER BY ended DESC, next_at LIMIT :limit"

# What a target asked to wait for outlasts mere progress; the end of a job is worth a new try at once. A
# callback is told how a run ended, and only that: that text and audio went later is no news to it, and once
# another run has begun the end of the last one is none either.
_WANT = """
    UPDATE deliveries SET
        wanted_seq = CASE WHEN target = 'convex' OR :ends_run THEN :seq ELSE confirmed_seq END,
        ended = :ended,
        attempts = CASE WHEN :ended THEN 0 ELSE attempts END,
        next_at = CASE
            WHEN :ended THEN :now WHEN wanted_seq <= confirmed_seq THEN max(next_at, :now) ELSE next_at
        END
    WHERE job_id = :job_id
        AND (target = 'convex' OR :ends_run OR (NOT :ended AND wanted_seq > confirmed_seq))
"""


def begin(db: Connection, job: Job, targets: tuple[Target, ...]) -> None:
    rows = [(job.job_id, target, job.updated_at) for target in targets]
    db.executemany("INSERT INTO deliveries (job_id, target, next_at) VALUES (?, ?, ?)", rows)
    want(db, job)


def want(db: Connection, job: Job) -> None:
    """The targets now want `job.seq`."""
    db.execute(
        _WANT,
        {
            "job_id": job.job_id,
            "seq": job.seq,
            "now": job.updated_at,
            "ended": job.has_ended,
            "ends_run": job.has_ended and job.erased_at is None,
        },
    )


def unconfirmed(db: Connection, now: float, limit: int, target: Target | None) -> list[Delivery]:
    asked = {"now": now, "far": now + _FAR, "limit": limit, "target": target}
    wanted = f"{_OPEN} AND target = :target" if target else _OPEN
    return [Delivery(*row) for row in db.execute(wanted + _IN_TURN, asked)]


def one(db: Connection, job_id: str, target: Target) -> Delivery | None:
    query = f"SELECT {_DELIVERY} FROM deliveries WHERE job_id = ? AND target = ?"
    row = db.execute(query, (job_id, target)).fetchone()
    return Delivery(*row) if row else None


# The end of a job that came while news of before were on their way does not wait for what became of those.
_SETTLE = """
    UPDATE deliveries SET
        confirmed_seq = max(confirmed_seq, :confirmed_seq),
        attempts = CASE WHEN ended AND wanted_seq > :wanted_seq THEN attempts ELSE :attempts END,
        next_at = CASE WHEN ended AND wanted_seq > :wanted_seq THEN next_at ELSE :next_at END,
        last_error = :last_error
    WHERE job_id = :job_id AND target = :target
"""


def settle(db: Connection, delivery: Delivery) -> None:
    db.execute(_SETTLE, asdict(delivery))


def anew(db: Connection, job_id: str, now: float) -> None:
    """As if nothing had been confirmed; a callback still goes out for the end of a run only."""
    db.execute(
        """
        UPDATE deliveries
        SET confirmed_seq = 0, attempts = 0, next_at = ?, last_error = NULL,
            wanted_seq = CASE
                WHEN target = 'convex' THEN (SELECT seq FROM jobs WHERE jobs.job_id = deliveries.job_id)
                ELSE wanted_seq
            END
        WHERE job_id = ?
        """,
        (now, job_id),
    )
