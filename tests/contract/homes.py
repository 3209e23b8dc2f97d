"""The homes whose adapters the contracts are held against: add one here, and every contract runs on it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from common.aws.clients import Clients
from common.aws.dynamo_account import DynamoAccount
from common.aws.dynamo_jobs import DynamoJobs
from common.aws.gateway_subscribers import GatewaySubscribers
from common.aws.s3_audio import S3Audio
from common.aws.sqs_queue import SqsQueue
from common.aws.table import Table
from common.local.audio_folder import AudioFolder
from common.local.hub import Hub
from common.local.sqlite.account import SqliteAccount
from common.local.sqlite.database import Database
from common.local.sqlite.jobs import SqliteJobs
from common.local.sqlite.queue import SqliteTasks
from common.local.upload_ticket import UploadTickets
from common.ports import AudioStore, JobStore, QuotaStore, Subscribers, TaskQueue
from common.quota import Quota
from tests.contract.recordings import NOW
from tests.emulator import emulator
from tests.stack import QueueReader, stack_of


@dataclass(frozen=True)
class Home:
    """One home's adapters over a store of their own, empty at first.

    `jobs_elsewhere` and `quota_elsewhere` reach the same store as another process would. `taken(seconds)`
    lets that time pass for the queue and answers what it then brings to a worker; `worker_dies()` ends the
    worker that took it without a word, and returns when nothing holds its jobs any more. `time_is_up()` takes
    away the place of everybody who listens.
    """

    jobs: JobStore
    jobs_elsewhere: JobStore
    tasks: TaskQueue
    audio: AudioStore
    quota: QuotaStore
    quota_elsewhere: QuotaStore
    taken: Callable[[float], Awaitable[list[str]]]
    worker_dies: Callable[[], Awaitable[None]]
    subscribers: Subscribers
    time_is_up: Callable[[], Awaitable[None]]


class Clock:
    def __init__(self, now: float = NOW) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


LEASE = 30.0
_LISTENING = 3.0  # seconds that an answer on AWS waits for news


@contextmanager
def container(folder: Path) -> Iterator[Home]:
    """SQLite and a folder."""
    # Two that write without a pause can keep each other waiting for seconds on a slow disk.
    path = folder / "data" / "escriba.sqlite"
    here, there = (Database(path, busy_timeout=60) for _ in range(2))
    clock = Clock()
    tasks = SqliteTasks(here, now=clock)
    audio = AudioFolder(folder / "audio", budget_bytes=1_000_000, tickets=UploadTickets(b"secret"))
    asyncio.run(audio.open())

    async def taken(seconds: float) -> list[str]:
        clock.now += seconds
        found: list[str] = []
        while job_id := await tasks.claim(clock.now, "worker", LEASE):
            found.append(job_id)
        return found

    async def worker_dies() -> None:
        clock.now += LEASE

    hub = Hub(in_all=10)

    async def time_is_up() -> None:
        hub.close()

    start = Quota()
    yield Home(
        jobs=SqliteJobs(here),
        jobs_elsewhere=SqliteJobs(there),
        tasks=tasks,
        audio=audio,
        quota=SqliteAccount(here, name="whisper", start=start),
        quota_elsewhere=SqliteAccount(there, name="whisper", start=start),
        taken=taken,
        worker_dies=worker_dies,
        subscribers=hub,
        time_is_up=time_is_up,
    )
    here.close()
    there.close()


@contextmanager
def aws(_: Path) -> Iterator[Home]:
    """DynamoDB, SQS and S3, as an emulator's server speaks them; table and queue as the template has them."""
    with emulator().reached(), stack_of(emulator()) as names:
        here, there = (Clients() for _ in range(2))
        jobs, elsewhere = (DynamoJobs(Table(clients, names.table)) for clients in (here, there))
        clock = Clock()
        queue = QueueReader(emulator(), names.queue)

        async def taken(seconds: float) -> list[str]:
            clock.now += seconds
            return await asyncio.to_thread(queue.take, seconds)

        async def worker_dies() -> None:
            await asyncio.to_thread(queue.drop)

        async def time_is_up() -> None:
            await asyncio.sleep(_LISTENING)

        start = Quota()
        gateway = GatewaySubscribers(
            here,
            Table(here, names.table),
            "http://127.0.0.1:9/live",
            read_events=jobs.events,
            longest_wait=_LISTENING,
        )
        yield Home(
            jobs=jobs,
            jobs_elsewhere=elsewhere,
            tasks=SqsQueue(here, names.queue, now=clock, note_message=jobs.note_message),
            audio=S3Audio(here, names.bucket, ticket_seconds=900),
            quota=DynamoAccount(Table(here, names.table), name="whisper", start=start),
            quota_elsewhere=DynamoAccount(Table(there, names.table), name="whisper", start=start),
            taken=taken,
            worker_dies=worker_dies,
            subscribers=gateway,
            time_is_up=time_is_up,
        )


HOMES = {"container": container, "aws": aws}
