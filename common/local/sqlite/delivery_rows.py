"""Deliveries as rows, one for each job and target; common/delivery/rules.py decides what each becomes."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from itertools import islice
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from common.admin.directory import Position
from common.delivery import rules
from common.models import Job
from common.ports import Delivery, Target

if TYPE_CHECKING:
    from sqlite3 import Connection

_COLUMNS = ("job_id", "target", "wanted_seq", "confirmed_seq", "attempts", "next_at", "last_error", "ended")
_DELIVERY = ", ".join(_COLUMNS)
_row = attrgetter(*_COLUMNS)

# Every row that the rule may find due, in the order of the index; those it does not are few, since a row with
# no failed attempt is due within a second.
_CANDIDATES = f"""
    SELECT {_DELIVERY}, client FROM deliveries JOIN (SELECT job_id, client FROM jobs) USING (job_id)
    WHERE wanted_seq > confirmed_seq AND (next_at <= :now OR next_at > :far OR attempts = 0)
"""
_IN_TURN = """
    ORDER BY row_number() OVER (PARTITION BY client ORDER BY ended DESC, next_at), ended DESC, next_at
"""

_FAILING = f"""
    SELECT {_DELIVERY} FROM deliveries
    WHERE last_error IS NOT NULL AND (next_at, job_id || ' ' || target) > (?, ?)
    ORDER BY next_at, job_id || ' ' || target LIMIT ?
"""

_KEEP = f"INSERT OR REPLACE INTO deliveries ({_DELIVERY}) VALUES ({', '.join('?' for _ in _COLUMNS)})"


def create(db: Connection, job: Job, targets: tuple[Target, ...]) -> None:
    for target in targets:
        _keep(db, rules.create(job, target))


def commit(db: Connection, job: Job) -> None:
    for delivery in _of_job(db, job.job_id):
        _become(db, delivery, rules.commit(delivery, job))


def settle(db: Connection, tried: Delivery) -> None:
    if stored := get(db, tried.job_id, tried.target):
        _become(db, stored, rules.settle(stored, tried))


def redeliver(db: Connection, job_id: str, now: float) -> None:
    deliveries = _of_job(db, job_id)
    if not deliveries:
        return
    (document,) = db.execute("SELECT document FROM jobs WHERE job_id = ?", (job_id,)).fetchone()
    job = Job.model_validate_json(document)
    for delivery in deliveries:
        _become(db, delivery, rules.redeliver(delivery, job, now))


def due(db: Connection, now: float, limit: int, target: Target | None) -> list[Delivery]:
    query = _CANDIDATES + (" AND target = :target" if target else "") + _IN_TURN
    with closing(db.execute(query, {"now": now, "far": now + rules.FAR, "target": target})) as rows:
        candidates = (replace(_delivery(row[:-1]), client=row[-1]) for row in rows)
        return list(islice((found for found in candidates if rules.is_due(found, now)), limit))


def failing(db: Connection, after: Position, limit: int) -> list[Delivery]:
    return [_delivery(row) for row in db.execute(_FAILING, (*after, limit))]


def get(db: Connection, job_id: str, target: Target) -> Delivery | None:
    query = f"SELECT {_DELIVERY} FROM deliveries WHERE job_id = ? AND target = ?"
    row = db.execute(query, (job_id, target)).fetchone()
    return _delivery(row) if row else None


def _of_job(db: Connection, job_id: str) -> list[Delivery]:
    query = f"SELECT {_DELIVERY} FROM deliveries WHERE job_id = ?"
    return [_delivery(row) for row in db.execute(query, (job_id,))]


def _become(db: Connection, before: Delivery, after: Delivery) -> None:
    if after != before:
        _keep(db, after)


def _keep(db: Connection, delivery: Delivery) -> None:
    db.execute(_KEEP, _row(delivery))


def _delivery(row: tuple[Any, ...]) -> Delivery:
    return Delivery(*(*row[:-1], bool(row[-1])))
