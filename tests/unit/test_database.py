"""The SQLite file: how it is opened and migrated, and what it does when something is wrong."""

from __future__ import annotations

import asyncio
import sqlite3
import stat
import threading
from collections.abc import Iterator
from pathlib import Path
from sqlite3 import Connection

import pytest

from common.admin.store import UsageKey
from common.errors import Busy, JobNotFound, StorageBroken, StorageFull
from common.jobs import state
from common.jobs.events import make_event
from common.jobs.ids import new_job_id
from common.local.sqlite import database as module
from common.local.sqlite.admin import SqliteAdmin
from common.local.sqlite.database import Database
from common.local.sqlite.jobs import SqliteJobs
from common.local.sqlite.schema import MIGRATIONS
from common.models import Options, Piece, Transcript
from common.stores import DatabaseUnusable
from tests.children import begin, python
from tests.contract.sample_jobs import cancel, commit, create, new_id, sample_job

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


async def test_creating_a_database_object_touches_no_file(path: Path) -> None:
    Database(path).close()
    assert not path.parent.exists()


async def test_only_its_owner_can_read_the_file(database: Database, path: Path) -> None:
    await database.open()
    await database.write(lambda db: db.execute(insert("a")))
    for file in path.parent.iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600, file
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


async def test_the_settings_make_a_commit_durable_before_it_returns(database: Database) -> None:
    def settings(db: Connection) -> list[object]:
        names = ("journal_mode", "synchronous", "foreign_keys", "secure_delete")
        return [db.execute(f"PRAGMA {name}").fetchone()[0] for name in names]

    assert await database.read(settings) == ["wal", 2, 1, 1]


async def test_a_cursor_that_work_returns_disturbs_no_work_beside_it(database: Database) -> None:
    """Freed by another thread, it reset the statement that was running: one write in a hundred failed."""
    store = SqliteAdmin(database)
    amounts = {UsageKey("day:2027-01-15", "a", name): 1.0 for name in ("jobs", "requests")}
    for _ in range(500):
        await asyncio.gather(*(store.add_usage(amounts) for _ in range(8)))


async def test_opening_again_keeps_the_rows(database: Database, path: Path) -> None:
    await database.write(lambda db: db.execute(insert("a")))
    database.close()
    again = Database(path)
    assert await again.read(keys) == ["a"]
    again.close()


async def test_an_older_file_is_migrated_once(
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


async def test_a_migration_that_fails_leaves_the_file_as_it_was(
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


async def test_a_newer_file_is_refused_with_a_sentence(database: Database, path: Path) -> None:
    await database.read(lambda db: db.execute("PRAGMA user_version = 99"))
    database.close()
    older = Database(path)
    with pytest.raises(DatabaseUnusable, match=r"escriba\.sqlite was written by a newer version.*schema 99"):
        await older.open()
    older.close()


@pytest.mark.parametrize(
    "content", [b"this is no database at all\n" * 100, b"SQLite format 3\0" + b"\xff" * 5000]
)
async def test_a_file_that_is_no_database_is_refused_with_a_sentence(
    database: Database, path: Path, content: bytes
) -> None:
    path.parent.mkdir()
    path.write_bytes(content)
    with pytest.raises(DatabaseUnusable, match=r"The database .*escriba\.sqlite cannot be used: "):
        await database.open()
    assert path.read_bytes() == content


async def test_a_folder_in_its_place_is_refused_with_a_sentence(database: Database, path: Path) -> None:
    path.mkdir(parents=True)
    with pytest.raises(DatabaseUnusable, match="cannot be used"):
        await database.open()


async def test_many_processes_can_open_a_new_file_at_once(path: Path) -> None:
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


async def test_many_connections_can_enable_the_log_of_a_new_file_at_once(tmp_path: Path) -> None:
    for number in range(30):
        path = tmp_path / str(number) / "escriba.sqlite"
        barrier = threading.Barrier(4)

        def open_at_once(path: Path = path, barrier: threading.Barrier = barrier) -> None:
            barrier.wait()
            database = Database(path, busy_timeout=30)
            asyncio.run(database.open())
            database.close()

        await asyncio.gather(*(asyncio.to_thread(open_at_once) for _ in range(4)))


# ── working ───────────────────────────────────────────────────────────────────────────────────────


async def test_a_write_is_stored_whole_or_not_at_all(database: Database) -> None:
    def half(db: Connection) -> None:
        db.execute(insert("half"))
        raise KeyError("something of ours")

    with pytest.raises(KeyError):
        await database.write(half)
    await database.write(lambda db: db.execute(insert("whole")))
    assert await database.read(keys) == ["whole"]


async def test_all_calls_run_in_one_thread_beside_the_event_loop(database: Database) -> None:
    threads = await asyncio.gather(*(database.read(lambda _: threading.get_ident()) for _ in range(20)))
    assert len(set(threads)) == 1
    assert threads[0] != threading.get_ident()


async def test_close_finishes_the_calls_under_way_and_is_harmless_twice(
    database: Database, path: Path
) -> None:
    calls = [asyncio.ensure_future(database.write(lambda db, n=n: db.execute(insert(n)))) for n in "abc"]  # type: ignore[misc]
    await asyncio.sleep(0)
    await asyncio.to_thread(database.close)
    database.close()
    await asyncio.gather(*calls)
    with pytest.raises(RuntimeError):
        await database.read(keys)
    again = Database(path)
    assert await again.read(keys) == ["a", "b", "c"]
    again.close()


async def test_a_cancelled_call_harms_no_other(database: Database) -> None:
    hold = threading.Event()
    cancelled = asyncio.ensure_future(database.write(lambda _: hold.wait(5)))
    await asyncio.sleep(0.01)
    cancelled.cancel()
    hold.set()
    await database.write(lambda db: db.execute(insert("next")))
    assert await database.read(keys) == ["next"]


# ── what goes wrong ───────────────────────────────────────────────────────────────────────────────


async def test_a_lock_held_by_another_process_for_too_long_is_busy_until_it_is_released(
    database: Database, path: Path
) -> None:
    jobs = SqliteJobs(database)
    job = await create(jobs, sample_job())
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(Busy) as busy:
        await commit(jobs, cancel(job))
    assert busy.value.retry_after
    assert await jobs.get(job.job_id) == job  # reading goes on meanwhile
    other.execute("ROLLBACK")
    other.close()
    await commit(jobs, cancel(job))


async def test_opening_a_locked_file_is_busy(database: Database, path: Path) -> None:
    await database.open()
    database.close()
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    waiting = Database(path, busy_timeout=0.1)
    with pytest.raises(Busy):
        await waiting.open()
    other.execute("ROLLBACK")
    other.close()
    await waiting.open()
    waiting.close()


async def test_a_full_database_is_storage_full_and_keeps_its_rows(database: Database) -> None:
    jobs = SqliteJobs(database)
    first = await create(jobs, sample_job())
    await database.read(lambda db: db.execute("PRAGMA max_page_count = 40").fetchone())
    kept = [first]

    async def fill() -> None:
        while True:
            kept.append(await create(jobs, sample_job()))

    with pytest.raises(StorageFull):
        await fill()
    assert [await jobs.get(job.job_id) for job in kept] == kept
    await database.read(lambda db: db.execute("PRAGMA max_page_count = 4000").fetchone())
    await create(jobs, sample_job())


async def test_a_full_disk_is_storage_full_and_the_rows_stay(path: Path) -> None:
    program = f"""
        import asyncio, resource, sys
        from pathlib import Path
        from common.errors import StorageFull
        from common.local.sqlite.database import Database
        from common.local.sqlite.jobs import SqliteJobs
        from tests.contract.sample_jobs import create, sample_job
        async def main():
            database = Database(Path({str(path)!r}))
            jobs = SqliteJobs(database)
            kept = [await create(jobs, sample_job())]
            resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, resource.RLIM_INFINITY))
            try:
                while True:
                    kept.append(await create(jobs, sample_job()))
            except StorageFull:
                pass
            assert [await jobs.get(job.job_id) for job in kept] == kept
            resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
            kept.append(await create(jobs, sample_job()))
            database.close()
            print(*(job.job_id for job in kept))
        asyncio.run(main())
    """
    process = python(program)
    output, _ = await asyncio.to_thread(process.communicate)
    assert process.returncode == 0
    database = Database(path)
    kept = output.split()
    assert len(kept) > 2
    assert await SqliteJobs(database).needing_audio(kept) == set(kept)
    database.close()


async def test_a_file_that_is_damaged_while_open_is_storage_broken(database: Database, path: Path) -> None:
    jobs = SqliteJobs(database)
    created = [await create(jobs, sample_job()) for _ in range(50)]
    await database.read(lambda db: db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone())
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xa5" * (size - 4096))
    await database.read(lambda db: db.execute("PRAGMA shrink_memory").fetchall())
    with pytest.raises(StorageBroken) as broken:
        await asyncio.gather(*(jobs.get(job.job_id) for job in created))
    assert isinstance(broken.value.__cause__, sqlite3.DatabaseError)


async def test_a_row_for_an_unknown_job_is_job_not_found(database: Database) -> None:
    statement = "INSERT INTO results (job_id, document) VALUES (?, '{}')"
    with pytest.raises(JobNotFound):
        await database.write(lambda db: db.execute(statement, (new_id(),)))


async def test_a_mistake_in_a_statement_is_storage_broken(database: Database) -> None:
    with pytest.raises(StorageBroken):
        await database.read(lambda db: db.execute("SELECT nonsense"))


async def test_a_runnable_job_without_a_due_time_cannot_be_stored(database: Database) -> None:
    jobs = SqliteJobs(database)
    job = await create(jobs, sample_job())
    statement = "UPDATE jobs SET due_at = NULL WHERE job_id = ?"
    with pytest.raises(StorageBroken):
        await database.write(lambda db: db.execute(statement, (job.job_id,)))


async def test_importing_the_store_does_not_load_sqlite() -> None:
    program = (
        "import sys; sys.modules.pop('sqlite3', None)\n"  # a coverage measurement may have loaded it
        "import common.local.sqlite.jobs, common.local.sqlite.queue; print('sqlite3' in sys.modules)"
    )
    output, _ = python(program).communicate()
    assert output == "False\n"


async def test_erased_text_cannot_be_read_from_the_files(tmp_path: Path) -> None:
    database = Database(tmp_path / "jobs.sqlite3")
    jobs = SqliteJobs(database)
    job = state.accept(new_job_id(), options=Options(), now=1.0, expires_at=9.0)
    await jobs.create(job, make_event(job))
    transcript = Transcript(text="a secret nobody may find", duration=1.0)
    await jobs.lease(job.job_id, "me", now=1.0, seconds=30)
    await jobs.keep_piece(job.job_id, Piece(index=0, start=0.0, transcript=transcript), holder="me")
    contents = [path.read_bytes() for path in tmp_path.iterdir()]
    assert any(b"nobody may find" in content for content in contents)
    await jobs.erase_text(job.job_id)
    assert not any(b"nobody may find" in path.read_bytes() for path in tmp_path.iterdir())
    database.close()
