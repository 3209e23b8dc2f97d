from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from sqlite3 import Connection

import pytest

from common.local.sqlite.database import Database
from common.local.sqlite.jobs import SqliteJobs
from common.local.sqlite.queue import SqliteTasks
from tests.contract.recordings import NOW, commit, create, ended, queued


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = Database(tmp_path / "escriba.sqlite")
    yield opened
    opened.close()


async def steps(database: Database, name: str) -> dict[str, int]:
    """How many steps of SQLite's machine each thing asked every second takes: the same on every computer."""
    jobs, tasks = SqliteJobs(database), SqliteTasks(database, now=lambda: NOW)
    taken = 0

    def count() -> int:
        nonlocal taken
        taken += 1
        return 0

    await database.read(lambda db: db.set_progress_handler(count, 1))
    job = await create(jobs, queued(user_id=name), targets=("convex",))
    created, taken = taken, 0
    await tasks.claim(NOW + 1, "me", 30)
    claimed, taken = taken, 0
    await jobs.get(job.job_id)
    got, taken = taken, 0
    await jobs.deliveries(now=NOW + 1, limit=10, target="convex")
    delivered, taken = taken, 0
    await jobs.expired(now=NOW + 1, limit=10)
    await jobs.overdue(now=NOW + 100, limit=10)
    swept, taken = taken, 0
    await commit(jobs, ended(job))
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


async def test_ten_thousand_ended_jobs_make_no_question_longer(database: Database) -> None:
    few = await steps(database, "few")
    jobs = SqliteJobs(database)
    model = await create(jobs, queued(), targets=("convex", "callback"))
    done = await commit(jobs, ended(model))

    def multiply(db: Connection) -> None:
        """What 10 000 creates and commits leave, in one statement for each table."""
        copies = "WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n LIMIT 10000)"
        db.execute(
            f"""{copies} INSERT INTO jobs SELECT job_id || n, seq, status, user_id, document, due_at,
            lease_holder, lease_until, lease_seconds, created_at, updated_at, expires_at + n, suspect
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
    for question, before in few.items():
        assert many[question] <= before + 60, (question, before, many[question])  # a level or two of a tree
