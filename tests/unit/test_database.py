from __future__ import annotations

import asyncio
import sqlite3
import stat
import threading
from collections.abc import Iterator
from pathlib import Path
from sqlite3 import Connection

import pytest

from common.errors import Busy, JobNotFound, StorageBroken, StorageFull
from common.jobs import state
from common.jobs.ids import new_job_id
from common.local.sqlite import database as module
from common.local.sqlite.database import Database, DatabaseUnusable
from common.local.sqlite.jobs import SqliteJobs
from common.local.sqlite.schema import MIGRATIONS
from common.models import Options, Piece, Transcript
from tests.children import begin, python
from tests.contract.recordings import an_id, commit, create, ended, queued

ROOT = Path(__file__).parents[2]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "escriba.sqlite"


@pytest.fixture
def database(path: Path) -> Iterator[Database]:
    opened = Database(path, busy_timeout=0.2)
    yield opened
    opened.close()


def insert(key: str) -> str:
    return f"INSERT INTO meta VALUES ('{key}', 'kept')"


def keys(db: Connection) -> list[str]:
    return [key for (key,) in db.execute("SELECT key FROM meta ORDER BY key")]


# ── opening ───────────────────────────────────────────────────────────────────────────────────────


async def test_making_one_touches_nothing(path: Path) -> None:
    Database(path).close()
    assert not path.parent.exists()


async def test_it_is_for_its_owner_alone(database: Database, path: Path) -> None:
    await database.open()
    await database.write(lambda db: db.execute(insert("a")))
    for file in path.parent.iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600, file
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


async def test_a_commit_is_on_the_disk_before_it_returns(database: Database) -> None:
    def settings(db: Connection) -> list[object]:
        names = ("journal_mode", "synchronous", "foreign_keys", "secure_delete")
        return [db.execute(f"PRAGMA {name}").fetchone()[0] for name in names]

    assert await database.read(settings) == ["wal", 2, 1, 1]


async def test_opening_again_keeps_what_was_there(database: Database, path: Path) -> None:
    await database.write(lambda db: db.execute(insert("a")))
    database.close()
    again = Database(path)
    assert await again.read(keys) == ["a"]
    again.close()


async def test_an_older_file_becomes_a_newer_one(
    database: Database, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await database.write(lambda db: db.execute(insert("a")))
    database.close()
    added = ("ALTER TABLE meta ADD COLUMN colour TEXT", "UPDATE meta SET colour = 'blue'")
    monkeypatch.setattr(module, "MIGRATIONS", (*MIGRATIONS, added))
    query = "SELECT key, colour FROM meta"
    for _ in range(2):
        newer = Database(path)
        assert await newer.read(lambda db: db.execute(query).fetchall()) == [("a", "blue")]
        newer.close()


async def test_a_migration_that_breaks_off_leaves_the_file_as_it_was(
    database: Database, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await database.write(lambda db: db.execute(insert("a")))
    database.close()
    monkeypatch.setattr(module, "MIGRATIONS", (*MIGRATIONS, ("DELETE FROM meta", "SELECT nonsense")))
    newer = Database(path)
    with pytest.raises(DatabaseUnusable):
        await newer.open()
    newer.close()
    monkeypatch.undo()
    again = Database(path)
    assert await again.read(keys) == ["a"]
    again.close()


async def test_a_newer_file_is_refused_in_a_sentence(database: Database, path: Path) -> None:
    await database.read(lambda db: db.execute("PRAGMA user_version = 99"))
    database.close()
    older = Database(path)
    with pytest.raises(DatabaseUnusable, match=r"escriba\.sqlite was written by a newer version.*schema 99"):
        await older.open()
    older.close()


@pytest.mark.parametrize(
    "said", [b"this is no database at all\n" * 100, b"SQLite format 3\0" + b"\xff" * 5000]
)
async def test_a_file_that_is_no_database_is_refused_in_a_sentence(
    database: Database, path: Path, said: bytes
) -> None:
    path.parent.mkdir()
    path.write_bytes(said)
    with pytest.raises(DatabaseUnusable, match=r"The database .*escriba\.sqlite cannot be used: "):
        await database.open()
    assert path.read_bytes() == said


async def test_a_folder_in_its_place_is_refused_in_a_sentence(database: Database, path: Path) -> None:
    path.mkdir(parents=True)
    with pytest.raises(DatabaseUnusable, match="cannot be used"):
        await database.open()


async def test_many_processes_that_open_a_new_file_at_once_all_do(path: Path) -> None:
    program = """
        import asyncio, sys
        from pathlib import Path
        from common.local.sqlite.database import Database
        sys.stdin.readline()
        database = Database(Path(sys.argv[1]))
        asyncio.run(database.write(lambda db: db.execute("INSERT INTO meta VALUES (?, '')", (sys.argv[2],))))
        database.close()
    """
    started = [python(program, str(path), str(number)) for number in range(4)]
    begin(*started)
    for process in started:
        process.communicate()
        assert process.returncode == 0
    database = Database(path)
    assert await database.read(keys) == ["0", "1", "2", "3"]
    database.close()


async def test_many_that_turn_a_new_file_s_log_on_at_once_all_do(tmp_path: Path) -> None:
    for turn in range(30):
        path = tmp_path / str(turn) / "escriba.sqlite"
        at_once = threading.Barrier(4)

        def opened(path: Path = path, at_once: threading.Barrier = at_once) -> None:
            at_once.wait()
            database = Database(path, busy_timeout=30)
            asyncio.run(database.open())
            database.close()

        await asyncio.gather(*(asyncio.to_thread(opened) for _ in range(4)))


# ── working ───────────────────────────────────────────────────────────────────────────────────────


async def test_all_of_a_write_is_kept_or_none(database: Database) -> None:
    def half(db: Connection) -> None:
        db.execute(insert("half"))
        raise KeyError("something of ours")

    with pytest.raises(KeyError):
        await database.write(half)
    await database.write(lambda db: db.execute(insert("whole")))
    assert await database.read(keys) == ["whole"]


async def test_it_works_in_one_thread_that_is_not_the_loop_s(database: Database) -> None:
    threads = await asyncio.gather(*(database.read(lambda _: threading.get_ident()) for _ in range(20)))
    assert len(set(threads)) == 1
    assert threads[0] != threading.get_ident()


async def test_closing_finishes_what_was_asked_and_is_harmless_twice(database: Database, path: Path) -> None:
    asked = [asyncio.ensure_future(database.write(lambda db, n=n: db.execute(insert(n)))) for n in "abc"]  # type: ignore[misc]
    await asyncio.sleep(0)
    await asyncio.to_thread(database.close)
    database.close()
    await asyncio.gather(*asked)
    with pytest.raises(RuntimeError):
        await database.read(keys)
    again = Database(path)
    assert await again.read(keys) == ["a", "b", "c"]
    again.close()


async def test_a_call_that_is_given_up_harms_no_other(database: Database) -> None:
    hold = threading.Event()
    given_up = asyncio.ensure_future(database.write(lambda _: hold.wait(5)))
    await asyncio.sleep(0.01)
    given_up.cancel()
    hold.set()
    await database.write(lambda db: db.execute(insert("next")))
    assert await database.read(keys) == ["next"]


# ── what goes wrong ───────────────────────────────────────────────────────────────────────────────


async def test_a_lock_held_by_another_for_too_long_is_busy_and_then_all_is_well(
    database: Database, path: Path
) -> None:
    jobs = SqliteJobs(database)
    job = await create(jobs, queued())
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(Busy) as refused:
        await commit(jobs, ended(job))
    assert refused.value.retry_after
    assert await jobs.get(job.job_id) == job  # reading goes on meanwhile
    other.execute("ROLLBACK")
    other.close()
    await commit(jobs, ended(job))


async def test_a_lock_held_while_opening_is_busy(database: Database, path: Path) -> None:
    await database.open()
    database.close()
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    late = Database(path, busy_timeout=0.1)
    with pytest.raises(Busy):
        await late.open()
    other.execute("ROLLBACK")
    other.close()
    await late.open()
    late.close()


async def test_a_full_database_says_so_and_keeps_what_it_has(database: Database) -> None:
    jobs = SqliteJobs(database)
    first = await create(jobs, queued())
    await database.read(lambda db: db.execute("PRAGMA max_page_count = 40").fetchone())
    kept = [first]

    async def fill() -> None:
        while True:
            kept.append(await create(jobs, queued()))

    with pytest.raises(StorageFull):
        await fill()
    assert [await jobs.get(job.job_id) for job in kept] == kept
    await database.read(lambda db: db.execute("PRAGMA max_page_count = 4000").fetchone())
    await create(jobs, queued())


async def test_a_disk_that_takes_no_more_says_so_and_keeps_what_it_has(path: Path) -> None:
    program = f"""
        import asyncio, resource, sys
        from pathlib import Path
        from common.errors import StorageFull
        from common.local.sqlite.database import Database
        from common.local.sqlite.jobs import SqliteJobs
        from tests.contract.recordings import create, queued
        async def main():
            database = Database(Path({str(path)!r}))
            jobs = SqliteJobs(database)
            kept = [await create(jobs, queued())]
            resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, resource.RLIM_INFINITY))
            try:
                while True:
                    kept.append(await create(jobs, queued()))
            except StorageFull:
                pass
            assert [await jobs.get(job.job_id) for job in kept] == kept
            resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
            kept.append(await create(jobs, queued()))
            database.close()
            print(*(job.job_id for job in kept))
        asyncio.run(main())
    """
    process = python(program)
    said, _ = await asyncio.to_thread(process.communicate)
    assert process.returncode == 0
    database = Database(path)
    kept = said.split()
    assert len(kept) > 2
    assert await SqliteJobs(database).needing_audio(kept) == set(kept)
    database.close()


async def test_a_database_that_breaks_under_us_is_an_error_of_ours(database: Database, path: Path) -> None:
    jobs = SqliteJobs(database)
    made = [await create(jobs, queued()) for _ in range(50)]
    await database.read(lambda db: db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone())
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xa5" * (size - 4096))
    await database.read(lambda db: db.execute("PRAGMA shrink_memory").fetchall())
    with pytest.raises(StorageBroken) as broken:
        await asyncio.gather(*(jobs.get(job.job_id) for job in made))
    assert isinstance(broken.value.__cause__, sqlite3.DatabaseError)


async def test_a_row_for_a_job_that_is_not_there_means_that_the_job_is_not_found(database: Database) -> None:
    statement = "INSERT INTO results VALUES (?, '{}')"
    with pytest.raises(JobNotFound):
        await database.write(lambda db: db.execute(statement, (an_id(),)))


async def test_a_program_s_mistake_is_not_taken_for_a_full_disk(database: Database) -> None:
    with pytest.raises(StorageBroken):
        await database.read(lambda db: db.execute("SELECT nonsense"))


async def test_a_runnable_job_without_a_time_cannot_be_kept(database: Database) -> None:
    jobs = SqliteJobs(database)
    job = await create(jobs, queued())
    statement = "UPDATE jobs SET due_at = NULL WHERE job_id = ?"
    with pytest.raises(StorageBroken):
        await database.write(lambda db: db.execute(statement, (job.job_id,)))


async def test_importing_it_opens_nothing_and_loads_no_sqlite() -> None:
    program = (
        "import sys; sys.modules.pop('sqlite3', None)\n"  # whatever measures coverage may have loaded it
        "import common.local.sqlite.jobs, common.local.sqlite.queue; print('sqlite3' in sys.modules)"
    )
    said, _ = python(program).communicate()
    assert said == "False\n"


async def test_erased_text_cannot_be_read_from_the_files_either(tmp_path: Path) -> None:
    database = Database(tmp_path / "jobs.sqlite3")
    jobs = SqliteJobs(database)
    job = state.accept(new_job_id(), options=Options(), now=1.0, expires_at=9.0)
    await jobs.create(job, state.event_of(job))
    said = Transcript(text="a secret nobody may find", duration=1.0)
    await jobs.lease(job.job_id, "me", now=1.0, seconds=30)
    await jobs.keep_piece(job.job_id, Piece(index=0, start=0.0, transcript=said), holder="me")
    held = [path.read_bytes() for path in tmp_path.iterdir()]
    assert any(b"nobody may find" in content for content in held)
    await jobs.erase_text(job.job_id)
    assert not any(b"nobody may find" in path.read_bytes() for path in tmp_path.iterdir())
    database.close()
