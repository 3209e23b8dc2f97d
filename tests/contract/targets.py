"""The deployment targets whose adapters the contracts test: add one here, and every contract runs on it."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from common.access.key_store import AccessKeyStore
from common.admin.directory import JobDirectory
from common.admin.store import AdminStore
from common.aws.clients import Clients
from common.aws.dynamo_access_keys import DynamoAccessKeys
from common.aws.dynamo_account import DynamoAccount
from common.aws.dynamo_admin import DynamoAdmin
from common.aws.dynamo_directory import DynamoDirectory
from common.aws.dynamo_jobs import DynamoJobs
from common.aws.gateway_subscribers import GatewaySubscribers
from common.aws.s3_audio import S3Audio
from common.aws.sqs_queue import SqsQueue
from common.aws.table import Table
from common.local.audio_folder import AudioFolder
from common.local.hub import Hub
from common.local.sqlite.access_keys import SqliteAccessKeys
from common.local.sqlite.account import SqliteAccount
from common.local.sqlite.admin import SqliteAdmin
from common.local.sqlite.database import Database
from common.local.sqlite.directory import SqliteDirectory
from common.local.sqlite.jobs import SqliteJobs
from common.local.sqlite.queue import SqliteQueue
from common.ports import AudioStore, JobStore, QuotaStore, TaskQueue
from common.postgres.access_keys import PostgresAccessKeys
from common.postgres.account import PostgresAccount
from common.postgres.admin import PostgresAdmin
from common.postgres.database import Database as PostgresDatabase
from common.postgres.directory import PostgresDirectory
from common.postgres.jobs import PostgresJobs
from common.postgres.queue import PostgresQueue
from common.quota import Quota
from common.subscribers_port import Subscribers
from common.upload.ticket import UploadTickets
from tests.closing import close_after_test
from tests.contract.sample_jobs import NOW
from tests.emulator import emulator
from tests.postgres import postgres
from tests.stack import QueueReader, stack_of


@dataclass(frozen=True)
class DeploymentTarget:
    """The adapters of one target over a store of their own, which is empty at first.

    `directory` and those called `other_…` reach the same store as another process would.
    `claim_some(seconds, most)` lets that time pass for the queue and returns the jobs that it then brings to
    a worker, `claim_all(seconds)` all of them; `kill_worker()` ends that worker abruptly and returns when
    nothing holds its jobs any more.
    `close_listeners()` makes every listener stop. `isolated`: each job runs in a process of its own.
    """

    jobs: JobStore
    other_jobs: JobStore
    queue: TaskQueue
    audio: AudioStore
    keys: AccessKeyStore
    other_keys: AccessKeyStore
    admin: AdminStore
    other_admin: AdminStore
    directory: JobDirectory
    quota: QuotaStore
    other_quota: QuotaStore
    claim_some: Callable[[float, float], Awaitable[list[str]]]
    kill_worker: Callable[[], Awaitable[None]]
    subscribers: Subscribers
    close_listeners: Callable[[], Awaitable[None]]
    isolated: bool

    async def claim_all(self, seconds: float) -> list[str]:
        return await self.claim_some(seconds, math.inf)


class Clock:
    def __init__(self, now: float = NOW) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


LEASE = 30.0
_LONGEST_ANSWER = 3.0  # seconds that an answer on AWS waits for an event


@contextmanager
def container(folder: Path) -> Iterator[DeploymentTarget]:
    """SQLite and a folder."""
    # Two processes that write without a pause can keep each other waiting for seconds on a slow disk.
    path = folder / "data" / "escriba.sqlite"
    database, other_database = (Database(path, busy_timeout=60) for _ in range(2))
    clock = Clock()
    queue = SqliteQueue(database, now=clock)
    audio = AudioFolder(folder / "audio", budget_bytes=1_000_000, tickets=UploadTickets(b"secret"))
    asyncio.run(audio.open())

    async def claim_some(seconds: float, most: float) -> list[str]:
        clock.now += seconds
        claimed: list[str] = []
        while len(claimed) < most and (job_id := await queue.claim(clock.now, "worker", LEASE)):
            claimed.append(job_id)
        return claimed

    async def kill_worker() -> None:
        clock.now += LEASE

    hub = Hub(max_listeners=10)

    async def close_listeners() -> None:
        hub.close()

    start = Quota()
    yield DeploymentTarget(
        jobs=SqliteJobs(database),
        other_jobs=SqliteJobs(other_database),
        queue=queue,
        audio=audio,
        keys=SqliteAccessKeys(database),
        other_keys=SqliteAccessKeys(other_database),
        admin=SqliteAdmin(database),
        other_admin=SqliteAdmin(other_database),
        directory=SqliteDirectory(other_database),
        quota=SqliteAccount(database, name="whisper", start=start),
        other_quota=SqliteAccount(other_database, name="whisper", start=start),
        claim_some=claim_some,
        kill_worker=kill_worker,
        subscribers=hub,
        close_listeners=close_listeners,
        isolated=False,
    )
    database.close()
    other_database.close()


@contextmanager
def aws(_: Path) -> Iterator[DeploymentTarget]:
    """DynamoDB, SQS and S3 as an emulator serves them; table and queue as template.yaml defines them."""
    with emulator().reached(), stack_of(emulator()) as names:
        clients, other_clients = (Clients() for _ in range(2))
        jobs, other_jobs = (DynamoJobs(Table(each, names.table)) for each in (clients, other_clients))
        clock = Clock()
        received = QueueReader(emulator(), names.queue)

        async def claim_some(seconds: float, most: float) -> list[str]:
            assert most == math.inf
            clock.now += seconds
            return await asyncio.to_thread(received.take, seconds)

        async def kill_worker() -> None:
            await asyncio.to_thread(received.drop)

        async def close_listeners() -> None:
            await asyncio.sleep(_LONGEST_ANSWER)

        start = Quota()
        gateway = GatewaySubscribers(
            clients,
            Table(clients, names.table),
            "http://127.0.0.1:9/live",
            read_events=jobs.events,
            longest_wait=_LONGEST_ANSWER,
        )
        yield DeploymentTarget(
            jobs=jobs,
            other_jobs=other_jobs,
            queue=SqsQueue(clients, names.queue, now=clock, note_message=jobs.note_message),
            audio=S3Audio(clients, names.bucket, ticket_seconds=900),
            keys=DynamoAccessKeys(Table(clients, names.table)),
            other_keys=DynamoAccessKeys(Table(other_clients, names.table)),
            admin=DynamoAdmin(Table(clients, names.table)),
            other_admin=DynamoAdmin(Table(other_clients, names.table)),
            directory=DynamoDirectory(Table(other_clients, names.table)),
            quota=DynamoAccount(Table(clients, names.table), name="whisper", start=start),
            other_quota=DynamoAccount(Table(other_clients, names.table), name="whisper", start=start),
            claim_some=claim_some,
            kill_worker=kill_worker,
            subscribers=gateway,
            close_listeners=close_listeners,
            isolated=True,
        )


@contextmanager
def instances(folder: Path) -> Iterator[DeploymentTarget]:
    """Postgres, as one of several instances has it, and a folder."""
    url = postgres().database(template=postgres().migrated)
    database, other_database = (PostgresDatabase(url) for _ in range(2))
    clock = Clock()
    # These tests set the time, so the database's own is no measure of it.
    queue = PostgresQueue(database, now=clock, tolerance=math.inf)
    audio = AudioFolder(folder / "audio", budget_bytes=1_000_000, tickets=UploadTickets(b"secret"))
    asyncio.run(audio.open())
    for each in (database, other_database):
        close_after_test(each.close)

    async def claim_some(seconds: float, most: float) -> list[str]:
        clock.now += seconds
        claimed: list[str] = []
        while len(claimed) < most and (job_id := await queue.claim(clock.now, "worker", LEASE)):
            claimed.append(job_id)
        return claimed

    async def kill_worker() -> None:
        clock.now += LEASE

    hub = Hub(max_listeners=10)

    async def close_listeners() -> None:
        hub.close()

    start = Quota()
    yield DeploymentTarget(
        jobs=PostgresJobs(database),
        other_jobs=PostgresJobs(other_database),
        queue=queue,
        audio=audio,
        keys=PostgresAccessKeys(database),
        other_keys=PostgresAccessKeys(other_database),
        admin=PostgresAdmin(database),
        other_admin=PostgresAdmin(other_database),
        directory=PostgresDirectory(other_database),
        quota=PostgresAccount(database, name="whisper", start=start),
        other_quota=PostgresAccount(other_database, name="whisper", start=start),
        claim_some=claim_some,
        kill_worker=kill_worker,
        subscribers=hub,
        close_listeners=close_listeners,
        isolated=False,
    )


DEPLOYMENT_TARGETS = {"container": container, "postgres": instances, "aws": aws}
