"""Frequent calls of the SQLite store stay as quick however many jobs it holds."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from sqlite3 import Connection

import pytest

from common.local.sqlite.database import Database
from common.local.sqlite.jobs import SqliteJobs
from common.local.sqlite.queue import SqliteQueue
from tests.contract.sample_jobs import NOW, cancel, commit, create, sample_job


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = Database(tmp_path / "escriba.sqlite")
    yield opened
    opened.close()


async def steps(database: Database, name: str) -> dict[str, int]:
    """How many steps of SQLite's virtual machine each frequent call takes: the same on every computer."""
    jobs, queue = SqliteJobs(database), SqliteQueue(database, now=lambda: NOW)
    taken = 0

    def count() -> int:
        nonlocal taken
        taken += 1
        return 0

    await database.read(lambda db: db.set_progress_handler(count, 1))
    job = await create(jobs, sample_job(user_id=name), targets=("convex",))
    created, taken = taken, 0
    await queue.claim(NOW + 1, "me", 30)
    claimed, taken = taken, 0
    await jobs.get(job.job_id)
    got, taken = taken, 0
    await jobs.deliveries(now=NOW + 1, limit=10, target="convex")
    delivered, taken = taken, 0
    await jobs.expired(now=NOW + 1, limit=10)
    await jobs.overdue(now=NOW + 100, limit=10)
    swept, taken = taken, 0
    await commit(jobs, cancel(job))
    committed = taken
    await database.read(lambda db: db.set_progress_handler(None, 1))
    return {
        "create": created,
        "claim": claimed,
        "get": got,
        "deliveries": delivered,
        "sweep": swept,
        "commit": committed,
    }


async def test_ten_thousand_ended_jobs_make_no_frequent_call_slower(database: Database) -> None:
    few = await steps(database, "few")
    jobs = SqliteJobs(database)
    job = await create(jobs, sample_job(), targets=("convex", "callback"))
    done = await commit(jobs, cancel(job))

    def multiply(db: Connection) -> None:
        """Insert what 10 000 creates and commits leave, in one statement for each table."""
        copies = "WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n LIMIT 10000)"
        db.execute(
            f"""{copies} INSERT INTO jobs SELECT job_id || n, seq, status, user_id, document, due_at,
            lease_holder, lease_until, lease_seconds, created_at, updated_at, expires_at + n, suspect, client
            FROM jobs, n WHERE job_id = ?""",
            (done.job_id,),
        )
        db.execute(
            f"""{copies} INSERT INTO events SELECT job_id || n, seq, type, job, piece, starts, ends, text
            FROM events, n WHERE job_id = ?""",
            (done.job_id,),
        )
        db.execute(
            f"""{copies} INSERT INTO deliveries SELECT job_id || n, target, ended, wanted_seq, wanted_seq,
            0, next_at, NULL FROM deliveries, n WHERE job_id = ?""",
            (done.job_id,),
        )

    await database.write(multiply)
    many = await steps(database, "many")
    for call, before in few.items():
        # A level or two of a tree, and two deliveries more that are due; a scan takes ten thousands.
        assert many[call] <= before + 400, (call, before, many[call])
