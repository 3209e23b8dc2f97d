from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from common.local.sqlite.database import Database
from common.local.sqlite.jobs import SqliteJobs
from tests.children import begin, python
from tests.contract.recordings import create, queued


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "escriba.sqlite"


@pytest.mark.parametrize("after", [1, 7, 40, 90])
async def test_what_was_confirmed_before_a_kill_is_there_after_it(path: Path, after: int) -> None:
    program = f"""
        import asyncio
        from pathlib import Path
        from common.jobs import state
        from common.local.sqlite.database import Database
        from common.local.sqlite.jobs import SqliteJobs
        from tests.contract.recordings import NOW, commit, create, queued, said
        async def main():
            jobs = SqliteJobs(Database(Path({str(path)!r})))
            while True:
                job = await create(jobs, queued(), targets=("convex",))
                print(job.job_id, job.seq, flush=True)
                job = await commit(jobs, state.start(job, now=NOW))
                print(job.job_id, job.seq, flush=True)
                await jobs.lease(job.job_id, "me", now=NOW, seconds=30)
                await jobs.keep_piece(job.job_id, said(), holder="me")
                job = state.add_piece(job, done=1, language="es", now=NOW)
                await jobs.commit(job, state.event_of(job, piece=said()))
                print(job.job_id, job.seq, flush=True)
        asyncio.run(main())
    """
    process = python(program)
    assert process.stdout
    confirmed: dict[str, int] = {}
    for _, line in zip(range(after), process.stdout, strict=False):
        job_id, seq = line.split()
        confirmed[job_id] = int(seq)
    process.kill()
    confirmed |= {job_id: int(seq) for job_id, seq in map(str.split, process.stdout)}
    process.communicate()

    database = Database(path)
    jobs = SqliteJobs(database)
    assert len(confirmed) > after / 3 - 1
    for job_id, told in confirmed.items():
        job = await jobs.get(job_id)
        assert told <= job.seq <= told + 1  # the last may have been kept without being told
        assert [event.seq for event in await jobs.events(job_id, after=0)] == list(range(1, job.seq + 1))
        wanted = await jobs.delivery(job_id, "convex")
        assert wanted
        assert wanted.wanted_seq == job.seq
        assert len(await jobs.pieces(job_id)) == 1 or job.seq < 3
    assert await database.read(lambda db: db.execute("PRAGMA integrity_check").fetchall()) == [("ok",)]
    database.close()


async def test_two_processes_on_one_store_lose_nothing_and_win_nothing_twice(path: Path) -> None:
    program = f"""
        import asyncio, sys
        from pathlib import Path
        from common.jobs import state
        from common.local.sqlite.database import Database
        from common.local.sqlite.jobs import SqliteJobs
        from common.local.sqlite.queue import SqliteTasks
        from tests.contract.recordings import NOW, WEEK, commit
        async def main():
            database = Database(Path({str(path)!r}), busy_timeout=60)
            jobs, tasks = SqliteJobs(database), SqliteTasks(database, now=lambda: NOW)
            sys.stdin.readline()
            while job_id := await tasks.claim(NOW, sys.argv[1], 30):
                job = await jobs.lease(job_id, sys.argv[1], now=NOW, seconds=30)
                job = await commit(jobs, state.start(job, now=NOW))
                job = await commit(jobs, state.complete(job, language=None, now=NOW, expires_at=NOW + WEEK))
                print(job_id)
            database.close()
        asyncio.run(main())
    """
    database = Database(path)
    jobs = SqliteJobs(database)
    made = {(await create(jobs, queued())).job_id for _ in range(60)}
    workers = [python(program, str(number)) for number in range(2)]
    begin(*workers)
    done = [(await asyncio.to_thread(worker.communicate))[0].split() for worker in workers]
    assert [worker.returncode for worker in workers] == [0, 0]
    assert sorted(done[0] + done[1]) == sorted(made)
    for job_id in made:
        job = await jobs.get(job_id)
        assert (job.status, job.seq, job.attempts) == ("completed", 3, 1)
    database.close()
