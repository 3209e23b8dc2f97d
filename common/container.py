"""Composes the container: adapters over DATA_DIR, the engine, the senders, and the work in the background."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, aclosing, asynccontextmanager
from functools import partial
from importlib.util import find_spec
from typing import TYPE_CHECKING

from common import wiring
from common.access.access import Access
from common.access.held_refusals import HeldRefusals
from common.access.known_keys import KnownKeys
from common.access.ledger import Ledger
from common.access.rates import RequestRates
from common.audio.ffmpeg import Ffmpeg
from common.local import speaker_worker
from common.local.audio_folder import AudioFolder
from common.local.background import Publisher, Signals, work_in_background
from common.local.clock import steady_clock
from common.local.engine import build_engine, engine_problem
from common.local.hub import Hub
from common.local.scratch import Scratch, scratch_folder
from common.local.server.stop_signal import StopSignal, server_stopping
from common.local.sqlite import stores as sqlite
from common.local.worker import POLL_EVERY, Worker
from common.local.workers import Workers
from common.ports import QuotaStore, Target
from common.sender_port import Sender
from common.services import Services
from common.settings import SettingInvalid, Settings
from common.stores import Stores
from common.upload.ticket import UploadTickets

if TYPE_CHECKING:
    from common.bucket.audio import BucketAudio

Clock = Callable[[], float]

# Seconds for which /health waits: for a database over a network, and for a file, which answers at once or is
# locked.
_STORE_TIMEOUT, _FILE_TIMEOUT = 1.0, 0.02

# Seconds for which a client that sends too many requests waits for each refusal.
_REFUSAL_HELD = 0.5


@asynccontextmanager
async def container(
    settings: Settings, hub: Hub, signal: StopSignal, ledger: Ledger
) -> AsyncIterator[Services]:
    """The services over DATA_DIR, or over a database and a bucket; and the work in the background."""
    async with AsyncExitStack() as stack:
        scratch = stack.enter_context(scratch_folder(settings.data_dir / "scratch"))
        stores = await stack.enter_async_context(open_stores(settings))
        audio = await _open_audio(settings, stores)
        workers = await _workers(settings, stores, scratch, signal)
        signals, quota, senders = Signals(), _quota(settings, stores), _senders(settings, stores, stack)
        services = Services(
            settings=settings,
            ffmpeg=Ffmpeg(at_once=settings.ffmpeg_at_once),
            engine=await stack.enter_async_context(aclosing(build_engine(settings, quota, stores.now))),
            engine_problem=engine_problem(settings),
            scratch=scratch.folder,
            now=stores.now,
            started_at=stores.now(),
            jobs=stores.jobs,
            audio=audio,
            queue=stores.queue(on_put=workers.jobs.notify),
            subscribers=Publisher(hub, signals, workers, has_senders=bool(senders)),
            quota=quota,
            client_account=lambda client, start: stores.account(f"client:{client}", start),
            access=await _access(settings, stores),
            admin=wiring.admin_services(stores.admin, stores.directory, now=stores.now),
            ledger=ledger,
            rates=RequestRates(settings.client_requests_per_minute),
            refusals=HeldRefusals(_REFUSAL_HELD),
            cache=stores.cache(settings.cache_bytes),
            voices=stores.voices,
            speaker_tasks=stores.speaker_tasks,
            senders=senders,
            cancel_run=workers.cancel_run,
            key_secret=await stores.secret("idempotency"),
            transcribing=wiring.transcription_places(settings, ledger),
            downloading=wiring.download_places(ledger),
            store_status=stores.status,
            store_timeout=_STORE_TIMEOUT if settings.database_url else _FILE_TIMEOUT,
        )
        background = work_in_background(services, stores, audio, workers=workers, hub=hub, signals=signals)
        await stack.enter_async_context(background)
        _close_later(services, stack, signal, hub)
        yield services


def _close_later(services: Services, stack: AsyncExitStack, signal: StopSignal, hub: Hub) -> None:
    """Watchers leave before the work in the background ends, those who wait for a place at the signal."""
    stack.callback(hub.close)
    for places in (services.transcribing, services.downloading, services.correcting):
        signal.subscribe_later(services.settings.request_grace, partial(places.close, server_stopping))


# ── what it keeps, and where ──────────────────────────────────────────────────────────────────────


def open_stores(settings: Settings) -> AbstractAsyncContextManager[Stores]:
    """SQLite in DATA_DIR, or the Postgres of DATABASE_URL, which is imported only then."""
    if settings.database_url is None:
        return sqlite.open_stores(settings.data_dir / "escriba.sqlite3", now=steady_clock())
    if not (find_spec("asyncpg") and find_spec("obstore")):
        raise SettingInvalid("DATABASE_URL needs the packages of the extras 'postgres' and 'bucket'.")
    from common.postgres import stores as postgres

    return postgres.open_stores(settings)


async def _open_audio(settings: Settings, stores: Stores) -> AudioFolder | BucketAudio:
    tickets = UploadTickets(await stores.secret("upload"), seconds=settings.upload_ticket_seconds)
    audio = _audio(settings, tickets, stores.now)
    await audio.open()
    return audio


def _audio(settings: Settings, tickets: UploadTickets, now: Clock) -> AudioFolder | BucketAudio:
    """A folder of DATA_DIR, or the bucket of AUDIO_URL, which is imported only then."""
    if settings.audio_url is None:
        folder = settings.data_dir / "audio"
        return AudioFolder(folder, budget_bytes=settings.storage_bytes, tickets=tickets)
    from common.bucket.address import read_address
    from common.bucket.audio import BucketAudio

    address = read_address(settings)
    return BucketAudio(address, budget_bytes=settings.storage_bytes, tickets=tickets, now=now)


async def _access(settings: Settings, stores: Stores) -> Access:
    return wiring.access(
        settings,
        KnownKeys(stores.access_keys),
        admin_key=settings.admin_key,
        api_keys=settings.api_keys,
        page_password=settings.page_password,
        secret=await stores.secret("tokens"),
        now=stores.now,
    )


def _quota(settings: Settings, stores: Stores) -> QuotaStore | None:
    start = wiring.first_quota(settings)
    return stores.account(settings.groq_model, start) if start else None


def _senders(settings: Settings, stores: Stores, stack: AsyncExitStack) -> dict[Target, Sender]:
    """The end of `stack` closes their connections."""
    convex = wiring.convex_sender(
        settings,
        settings.convex_api_key,
        now=stores.now,
        budget=lambda start: stores.account("convex", start),
    )
    if convex:
        stack.push_async_callback(convex.aclose)
    webhook = wiring.webhook_sender(settings, settings.callback_secret)
    return wiring.by_target(convex=convex, webhook=webhook)


async def _workers(settings: Settings, stores: Stores, scratch: Scratch, signal: StopSignal) -> Workers:
    """The workers, once what killed processes ran is free to be run again. They leave at the signal."""
    tasks = stores.queue()
    await tasks.release_all(scratch.dead)
    await stores.speaker_tasks.release_all(scratch.dead)
    every, speakers_every = (None, None) if stores.wakes else (POLL_EVERY, speaker_worker.POLL_EVERY)
    name = scratch.folder.name
    workers = Workers(
        Worker(tasks, at_once=settings.jobs_at_once, holder=name, poll_every=every),
        speaker_worker.SpeakerWorker(stores.speaker_tasks, holder=name, poll_every=speakers_every),
    )
    signal.subscribe(lambda: workers.leave(settings.shutdown_timeout / 2))
    return workers
