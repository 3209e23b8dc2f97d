"""The SQLite store with processes that are killed, and with two at once."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from common.local.sqlite.database import Database
from common.local.sqlite.jobs import SqliteJobs
from tests.children import begin, python
from tests.contract.sample_jobs import create, sample_job


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "escriba.sqlite"


@pytest.mark.parametrize("after", [1, 7, 40, 90])
async def test_commits_that_returned_before_a_kill_are_stored_after_it(path: Path, after: int) -> None:
    program = f"""
        import asyncio
        from pathlib import Path
        from common.jobs import state
        from common.jobs.events import make_event
        from common.local.sqlite.database import Database
        from common.local.sqlite.jobs import SqliteJobs
        from tests.contract.sample_jobs import NOW, commit, create, sample_job, sample_piece
        async def main():
            jobs = SqliteJobs(Database(Path({str(path)!r})))
            while True:
                job = await create(jobs, sample_job(), targets=("convex",))
                print(job.job_id, job.seq, flush=True)
                job = await commit(jobs, state.start(job, now=NOW))
                print(job.job_id, job.seq, flush=True)
                await jobs.lease(job.job_id, "me", now=NOW, seconds=30)
                await jobs.keep_piece(job.job_id, sample_piece(), holder="me")
                job = state.add_piece(job, done=1, language="es", now=NOW)
                await jobs.commit(job, make_event(job, piece=sample_piece()))
                print(job.job_id, job.seq, flush=True)
        asyncio.run(main())
    """
    process = python(program)
    assert process.stdout
    returned: dict[str, int] = {}
    for _, line in zip(range(after), process.stdout, strict=False):
        job_id, seq = line.split()
        returned[job_id] = int(seq)
    process.kill()
    returned |= {job_id: int(seq) for job_id, seq in map(str.split, process.stdout)}
    process.communicate()

    database = Database(path)
    jobs = SqliteJobs(database)
    assert len(returned) > after / 3 - 1
    for job_id, committed in returned.items():
        job = await jobs.get(job_id)
        assert committed <= job.seq <= committed + 1  # the last commit may have been stored without returning
        assert [event.seq for event in await jobs.events(job_id, after=0)] == list(range(1, job.seq + 1))
        delivery = await jobs.delivery(job_id, "convex")
        assert delivery
        assert delivery.wanted_seq == job.seq
        assert len(await jobs.pieces(job_id)) == 1 or job.seq < 3
    assert await database.read(lambda db: db.execute("PRAGMA integrity_check").fetchall()) == [("ok",)]
    database.close()


async def test_two_processes_on_one_store_run_every_job_exactly_once(path: Path) -> None:
    program = f"""
        import asyncio, sys
        from pathlib import Path
        from common.jobs import state
        from common.local.sqlite.database import Database
        from common.local.sqlite.jobs import SqliteJobs
        from common.local.sqlite.queue import SqliteQueue
        from tests.contract.sample_jobs import NOW, WEEK, commit
        async def main():
            database = Database(Path({str(path)!r}), busy_timeout=60)
            jobs, queue = SqliteJobs(database), SqliteQueue(database, now=lambda: NOW)
            sys.stdin.readline()
            while job_id := await queue.claim(NOW, sys.argv[1], 30):
                job = await jobs.lease(job_id, sys.argv[1], now=NOW, seconds=30)
                job = await commit(jobs, state.start(job, now=NOW))
                job = await commit(jobs, state.complete(job, language=None, now=NOW, expires_at=NOW + WEEK))
                print(job_id)
            database.close()
        asyncio.run(main())
    """
    database = Database(path)
    jobs = SqliteJobs(database)
    created = {(await create(jobs, sample_job())).job_id for _ in range(60)}
    workers = [python(program, str(number)) for number in range(2)]
    begin(*workers)
    done = [(await asyncio.to_thread(worker.communicate))[0].split() for worker in workers]
    assert [worker.returncode for worker in workers] == [0, 0]
    assert sorted(done[0] + done[1]) == sorted(created)
    for job_id in created:
        job = await jobs.get(job_id)
        assert (job.status, job.seq, job.attempts) == ("completed", 3, 1)
    database.close()
