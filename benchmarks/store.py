"""`python -m benchmarks.store [folder]`: the cost of the job store with few and with many stored jobs."""

from __future__ import annotations

import asyncio
import random
import sys
import tempfile
import time
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

from common.jobs import state
from common.jobs.events import make_event
from common.local.sqlite.database import Database
from common.local.sqlite.jobs import SqliteJobs
from common.local.sqlite.queue import SqliteQueue
from common.models import Audio, Job, Options, Piece, Transcript

KEPT = (10, 10_000)
ROUNDS = 300
NOW = 1_800_000_000.0
WEEK = 7 * 86_400.0
TRANSCRIPT = Transcript(text="hola " * 100, language="es", duration=30.0)


def main() -> None:
    parent = sys.argv[1] if len(sys.argv) > 1 else None
    with tempfile.TemporaryDirectory(dir=parent) as folder:
        cpu = [asyncio.run(_measure(Path(folder) / f"{kept}.sqlite", kept)) for kept in KEPT]
    print(f"GET of a job, {KEPT[1]} kept to {KEPT[0]} kept: CPU x{cpu[1] / cpu[0]:.2f}")


async def _measure(path: Path, kept: int) -> float:
    """Print each figure; return the CPU seconds of one get."""
    ids = await _fill(path, kept)
    print(f"{kept} kept jobs, {_megabytes(path):.1f} MB")
    start = time.process_time()
    database = Database(path)
    jobs, tasks = SqliteJobs(database), SqliteQueue(database, now=lambda: NOW)
    await tasks.claim(NOW, "bench", 30)
    await jobs.deliveries(now=NOW, limit=20)
    print(f"  {'open and look for work':24}{(time.process_time() - start) * 1e6:8.0f} µs CPU")
    cpu_of_get = await _measure_calls("get", 10 * ROUNDS, lambda _: jobs.get(random.choice(ids)))
    new = [_new(number) for number in range(ROUNDS)]
    await _measure_calls(
        "create", ROUNDS, lambda n: jobs.create(new[n], make_event(new[n]), targets=("convex",))
    )
    running = [state.start(job, now=NOW) for job in new]
    await _measure_calls("commit", ROUNDS, lambda n: jobs.commit(running[n], make_event(running[n])))
    await _measure_calls("claim", ROUNDS, lambda _: tasks.claim(NOW + WEEK / 2, "bench", 30))
    await _measure_calls("claim, nothing due", ROUNDS, lambda _: tasks.claim(NOW + WEEK / 2, "bench", 30))
    await _measure_calls("deliveries", ROUNDS, lambda _: jobs.deliveries(now=NOW + WEEK / 2, limit=20))
    database.close()
    return cpu_of_get


async def _measure_calls(name: str, rounds: int, call: Callable[[int], Awaitable[object]]) -> float:
    cpu, wall = time.process_time(), time.perf_counter()
    for number in range(rounds):
        await call(number)
    cpu, wall = (time.process_time() - cpu) / rounds, (time.perf_counter() - wall) / rounds
    print(f"  {name:24}{cpu * 1e6:8.0f} µs CPU {wall * 1e6:8.0f} µs")
    return cpu


async def _fill(path: Path, kept: int) -> list[str]:
    """Store jobs that were started, transcribed, completed and delivered, as after a month."""
    database = Database(path)
    jobs = SqliteJobs(database)
    await database.read(lambda db: db.execute("PRAGMA synchronous = OFF"))
    ids = [await _complete_job(jobs, _new(number)) for number in range(kept)]
    database.close()
    return ids


async def _complete_job(jobs: SqliteJobs, job: Job) -> str:
    await jobs.create(job, make_event(job), targets=("convex",))
    job = state.start(job, now=NOW)
    await jobs.commit(job, make_event(job))
    piece = Piece(index=0, start=0.0, transcript=TRANSCRIPT)
    await jobs.lease(job.job_id, "bench", now=NOW, seconds=30)
    await jobs.keep_piece(job.job_id, piece, holder="bench")
    job = state.add_piece(job, done=1, language="es", now=NOW)
    await jobs.commit(job, make_event(job, piece=piece))
    job = state.complete(job, language="es", now=NOW, expires_at=NOW + WEEK)
    await jobs.commit(job, make_event(job), result=TRANSCRIPT)
    delivery = await jobs.delivery(job.job_id, "convex")
    assert delivery
    await jobs.settle(replace(delivery, confirmed_seq=job.seq))
    return job.job_id


def _megabytes(path: Path) -> float:
    return path.stat().st_size / 1e6


def _new(number: int) -> Job:
    now = NOW + number
    options, user_id = Options(language="es"), f"user {number % 50}"
    job = state.accept(str(uuid.uuid4()), options=options, now=now, expires_at=now + WEEK, user_id=user_id)
    audio = Audio(size_bytes=1_000_000, sha256="ab" * 32, filename="recording.mp3")
    return state.queue(job, audio, now=now, expires_at=now + WEEK)


if __name__ == "__main__":
    main()
