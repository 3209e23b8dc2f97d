"""What Postgres adds beside the contracts: addresses, starts side by side, its clock, the number of
round trips.
"""

from __future__ import annotations

import asyncio
import ssl
import subprocess
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from common.cache_port import CacheKey
from common.errors import JobNotFound, StoreUnavailable
from common.jobs import state
from common.jobs.events import make_event
from common.ports import StaleJob
from common.postgres import clock
from common.postgres.address import read_address
from common.postgres.agenda import Agenda, Callbacks
from common.postgres.cache import PostgresCache
from common.postgres.clock import DatabaseClock
from common.postgres.database import Database
from common.postgres.jobs import PostgresJobs
from common.postgres.notices import read_notice, write_notice
from common.postgres.queue import PostgresQueue
from common.stores import DatabaseUnusable
from tests.closing import close_after_test
from tests.contract.sample_jobs import NOW, create, sample_job, sample_piece
from tests.contract.test_transcript_cache import LATER, text
from tests.postgres import fetch, postgres
from tests.server import ROOT


@pytest.fixture(scope="module")
def url() -> str:
    return postgres().database(template=postgres().migrated)


@pytest.fixture
def database(url: str) -> Database:
    opened = Database(url)
    close_after_test(opened.close)
    return opened


# ── the address ───────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "pooled",
    [
        "postgres://me:secret@ep-calm-sea-1-pooler.eu.aws.neon.tech/main?sslmode=require",
        "postgres://me:secret@aws-0-eu.pooler.supabase.com:6543/postgres",
        "postgres://me:secret@host/db?pgbouncer=true",
    ],
    ids=["neon", "supabase", "pgbouncer"],
)
def test_a_pool_in_transaction_mode_is_refused_with_what_to_do(pooled: str) -> None:
    with pytest.raises(DatabaseUnusable) as caught:
        read_address(pooled)
    assert "direct address" in str(caught.value)
    assert "secret" not in str(caught.value)


def test_an_address_keeps_its_options_save_one_that_only_libpq_knows() -> None:
    given = "postgres://me:p%40ss@host:5432/db?sslmode=require&channel_binding=require"
    assert read_address(given).url == "postgres://me:p%40ss@host:5432/db?sslmode=require"
    session_pool = "postgres://me:x@aws-0-eu.pooler.supabase.com:5432/postgres"
    assert read_address(session_pool).url == session_pool


def test_a_server_is_verified_as_the_address_says() -> None:
    """By the certificates that the system trusts, unless the address names others."""
    full, ca = (read_address(f"postgres://me@host/db?sslmode=verify-{kind}") for kind in ("full", "ca"))
    assert full.tls is not None
    assert ca.tls is not None
    assert full.tls.verify_mode == ca.tls.verify_mode == ssl.CERT_REQUIRED
    assert (full.tls.check_hostname, ca.tls.check_hostname) == (True, False)
    named = "postgres://me@host/db?sslmode=verify-full&sslrootcert=%2Fca.pem"
    assert (read_address(named).url, read_address(named).tls) == (named, None)
    assert read_address("postgres://me@host/db?sslmode=require").tls is None


async def test_a_database_that_does_not_exist_is_named_without_the_password(url: str) -> None:
    there = Database(url.rpartition("/")[0].replace("escriba@", "escriba:secret@") + "/nowhere")
    close_after_test(there.close)
    with pytest.raises(DatabaseUnusable) as caught:
        await there.open()
    assert "nowhere" in str(caught.value)
    assert "secret" not in str(caught.value)


def test_a_start_without_it_imports_nothing_of_it() -> None:
    program = "import sys, local_server; print([m for m in sys.modules if 'postgres' in m or 'asyncpg' in m])"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


# ── starts ────────────────────────────────────────────────────────────────────────────────────────


def test_ten_that_open_an_empty_database_at_once_all_can() -> None:
    empty = postgres().database()

    async def open_all() -> None:
        databases = [Database(empty) for _ in range(10)]
        await asyncio.gather(*(each.open() for each in databases))
        assert await PostgresJobs(databases[9]).expired(now=NOW, limit=1) == []
        await asyncio.gather(*(each.close() for each in databases))

    asyncio.run(open_all())


def test_an_older_version_starts_on_the_schema_of_a_newer_one() -> None:
    newer = postgres().database(template=postgres().migrated)

    async def open_it() -> None:
        await fetch(newer, "UPDATE escriba.meta SET value = '99' WHERE key = 'schema'")
        database = Database(newer)
        await database.open()
        await database.close()
        assert (await fetch(newer, "SELECT value FROM escriba.meta WHERE key = 'schema'"))[0][0] == "99"

    asyncio.run(open_it())


# ── time ──────────────────────────────────────────────────────────────────────────────────────────


def test_the_clock_believes_the_database_and_prefers_quick_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    steady = 100.0
    monkeypatch.setattr(clock, "read_steady_clock", lambda: steady)
    now = DatabaseClock()
    now.learn(NOW, asked_at=99.8)
    assert now() == pytest.approx(NOW + 0.1)
    now.learn(NOW, asked_at=98.0)  # slow: it was read between two seconds ago and now, which says nothing new
    assert now() == pytest.approx(NOW + 0.1)
    now.learn(NOW + 500, asked_at=98.0)  # slow, but the other cannot be true
    assert now() == pytest.approx(NOW + 501)


async def test_a_claim_by_a_clock_that_is_off_gets_no_job_but_the_time(database: Database) -> None:
    await database.open()
    right = database.clock()
    jobs, queue = PostgresJobs(database), PostgresQueue(database, now=database.clock)
    job = await create(jobs, sample_job(now=right))
    database.clock.learn(right + 600, asked_at=clock.read_steady_clock())
    assert await queue.claim(database.clock(), "me", 30) is None
    assert database.clock() == pytest.approx(right, abs=5)
    assert await queue.claim(database.clock(), "me", 30) == job.job_id


# ── round trips ───────────────────────────────────────────────────────────────────────────────────


async def test_each_call_of_a_run_is_one_round_trip(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[str] = []
    fetch_once = database._fetch_once

    async def count(statement: str, values: tuple[Any, ...]) -> Any:
        sent.append(statement)
        return await fetch_once(statement, values)

    monkeypatch.setattr(database, "_fetch_once", count)
    jobs, queue = PostgresJobs(database), PostgresQueue(database, now=lambda: NOW, tolerance=float("inf"))
    job = sample_job()
    running = state.start(job, now=NOW)
    steps: list[Callable[[], Awaitable[Any]]] = [
        lambda: jobs.create(job, make_event(job)),
        lambda: queue.claim(NOW, "me", 30),
        lambda: jobs.lease(job.job_id, "me", now=NOW, seconds=30),
        lambda: jobs.commit(running, make_event(running)),
        lambda: jobs.keep_piece(job.job_id, sample_piece(), holder="me"),
        lambda: jobs.renew(job.job_id, "me", now=NOW, seconds=30),
        lambda: jobs.release(job.job_id, "me"),
    ]
    for step in steps:
        sent.clear()
        await step()
        assert len(sent) == 1


async def test_a_commit_after_another_instances_delivery_is_two_round_trips_at_most(url: str) -> None:
    mine, other = Database(url), Database(url)
    for each in (mine, other):
        close_after_test(each.close)
    jobs, others = PostgresJobs(mine), PostgresJobs(other)
    job = await create(jobs, sample_job(), targets=("convex",))
    running = state.start(job, now=NOW)
    await jobs.commit(running, make_event(running))
    delivery = await others.delivery(job.job_id, "convex")
    assert delivery is not None
    await others.settle(delivery)
    planned = state.plan(running, pieces=1, done=0, now=NOW)
    await jobs.commit(planned, make_event(planned))
    stored = await others.delivery(job.job_id, "convex")
    assert stored is not None
    assert stored.wanted_seq == planned.seq


# ── answers that are lost ─────────────────────────────────────────────────────────────────────────


def problem_of(database: Database) -> str | None:
    return database.problem.code if database.problem else None


async def test_a_commit_whose_answer_was_lost_succeeds_when_it_is_repeated(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs = PostgresJobs(database)
    job = await create(jobs, sample_job())
    fetch_once = database._fetch_once

    async def lose_the_answer(statement: str, values: tuple[Any, ...]) -> Any:
        await fetch_once(statement, values)
        raise ConnectionResetError

    running = state.start(job, now=NOW)
    monkeypatch.setattr(database, "_fetch_once", lose_the_answer)
    with pytest.raises(StoreUnavailable):
        await jobs.commit(running, make_event(running))
    assert problem_of(database) == "store_unavailable"
    monkeypatch.setattr(database, "_fetch_once", fetch_once)
    await jobs.commit(running, make_event(running))
    assert problem_of(database) is None
    assert await jobs.get(job.job_id) == running
    with pytest.raises(StaleJob):
        await jobs.commit(running, make_event(running))
    with pytest.raises(JobNotFound):
        await jobs.get(sample_job().job_id)


async def test_after_an_outage_no_job_is_claimed_for_a_moment(database: Database) -> None:
    await database.open()
    jobs, queue = PostgresJobs(database), PostgresQueue(database, now=database.clock)
    await create(jobs, sample_job(now=database.clock()))
    database.failure(ConnectionResetError())
    assert await jobs.expired(now=0, limit=1) == []  # it is back
    assert await queue.claim(database.clock(), "me", 30) is None


# ── notices, texts ────────────────────────────────────────────────────────────────────────────────


def test_a_notice_is_read_by_all_but_its_sender() -> None:
    job = sample_job()
    sent = write_notice("here", job)
    received = read_notice(sent, origin="there")
    assert received is not None
    assert (received.job_id, received.seq, received.status) == (job.job_id, job.seq, "queued")
    assert read_notice(sent, origin="here") is None
    assert read_notice("something else", origin="there") is None


async def test_texts_stay_within_their_budget_and_those_that_expire_last_are_kept(database: Database) -> None:
    cache = PostgresCache(database, budget_bytes=400)
    keys = [CacheKey(recording=str(n), answer=str(n)) for n in range(5)]
    for n, key in enumerate(keys):
        await cache.put(key, text("x" * 10), expires_at=LATER + (n * 7) % 5)
    kept = [n for n, key in enumerate(keys) if await cache.get(key, now=NOW)]
    size = await database.value("SELECT sum(bytes) FROM escriba.cache")
    assert size <= 400
    assert kept == sorted(sorted(range(5), key=lambda n: (n * 7) % 5)[-len(kept) :])
    assert 1 <= len(kept) < 5


# ── when it asks ──────────────────────────────────────────────────────────────────────────────────


async def test_nothing_is_asked_until_the_time_that_the_last_answer_named(url: str) -> None:
    database = Database(url)
    close_after_test(database.close)
    await database.open()
    await database.rows("DELETE FROM escriba.jobs")
    jobs, due, asked = PostgresJobs(database), asyncio.Event(), []
    job = await create(jobs, sample_job(now=database.clock()))
    running = state.start(job, now=database.clock())
    await jobs.commit(running, make_event(running))
    until = database.clock() + 4
    waiting = state.wait(running, until=until, now=database.clock(), attempt_counts=False)
    await jobs.commit(waiting, make_event(waiting))
    fetch_once = database._fetch_once

    async def count(statement: str, values: tuple[Any, ...]) -> Any:
        asked.append(database.clock())
        return await fetch_once(statement, values)

    database._fetch_once = count  # type: ignore[method-assign]
    callbacks = Callbacks(on_job=due.set, on_delivery=due.set, on_speakers=due.set, on_expiry=lambda: None)
    looking = asyncio.create_task(Agenda(database, callbacks, sweep_every=3600).run())
    async with asyncio.timeout(60):
        await due.wait()
    looking.cancel()
    assert database.clock() >= until
    assert len(asked) == 2, "one for when the job is due, and one at that time"
