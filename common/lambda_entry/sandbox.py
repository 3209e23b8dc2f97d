"""The services of one sandbox, composed from its environment; AWS is called only when something needs it."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from common import wiring
from common.access.access import Access
from common.access.client_quota import ClientUse
from common.access.rates import RequestRates
from common.admin.services import AdminServices
from common.audio.ffmpeg import Ffmpeg
from common.aws.clients import Clients
from common.aws.dynamo_access_keys import DynamoAccessKeys
from common.aws.dynamo_account import DynamoAccount
from common.aws.dynamo_admin import DynamoAdmin
from common.aws.dynamo_cache import DynamoCache
from common.aws.dynamo_directory import DynamoDirectory
from common.aws.dynamo_jobs import DynamoJobs
from common.aws.dynamo_speaker_tasks import DynamoSpeakerTasks
from common.aws.dynamo_voices import DynamoVoices
from common.aws.gateway_subscribers import GatewaySubscribers
from common.aws.s3_audio import S3Audio
from common.aws.secret_references import SecretUnreadable, resolve_secret
from common.aws.shared_secret import read_shared_secret
from common.aws.sqs_queue import SqsQueue
from common.aws.table import Table
from common.groq.client import Groq
from common.log import log, set_level
from common.models import Job, Transcript
from common.ports import QuotaStore, Target
from common.sender_port import DeliveryFailed, Sender
from common.services import Services
from common.settings import Settings, read_settings
from common.token_bucket import DAY

# Sweeps after which a job that no message has brought counts as lost.
_LOST_AFTER_SWEEPS = 5
# Seconds within which SQS answers how much it holds, boto3's import and the first handshake included.
_STORE_TIMEOUT = 3.0


@dataclass(frozen=True, slots=True)
class Sandbox:
    """The services, and those of their adapters that Lambda's own events need as what they are.

    `unreadable_key` is the sentence for the first key that could not be read, if there is one.
    """

    services: Services
    audio: S3Audio
    queue: SqsQueue
    speaker_tasks: DynamoSpeakerTasks
    gateway: GatewaySubscribers
    unreadable_key: str | None

    def require_keys(self) -> None:
        """Raises SecretUnreadable: work that needs a key is to be tried again, not to fail for good."""
        if self.unreadable_key:
            raise SecretUnreadable(self.unreadable_key)


def compose_once(make: Callable[[], Sandbox]) -> Callable[[], Sandbox]:
    """The sandbox for each call: the same one, but made anew while one of its keys cannot be read."""
    made: Sandbox | None = None

    def current() -> Sandbox:
        nonlocal made
        if made is None or made.unreadable_key:
            made = make()
        return made

    return current


def compose(*, sends_deliveries: bool = False, longest_wait: float = 20.0) -> Sandbox:
    """`sends_deliveries`: this function itself sends to Convex and callbacks, so that it reads their keys.

    `longest_wait` is how many seconds an answer may wait for a job's next event.
    """
    settings = read_settings()
    set_level(settings.log_level)
    clients = Clients()
    table = Table(clients, settings.jobs_table)
    keys = _Keys(clients)
    quota = _quota(settings, table)
    engine, engine_problem = _engine(settings, keys, quota)
    jobs, queue = _jobs_and_queue(settings, clients, table)
    speaker_tasks = DynamoSpeakerTasks(table)
    audio = S3Audio(clients, settings.audio_bucket, ticket_seconds=settings.upload_ticket_seconds)
    gateway = GatewaySubscribers(
        clients, table, settings.websocket_endpoint, read_events=jobs.events, longest_wait=longest_wait
    )
    services = Services(
        settings=settings,
        ffmpeg=Ffmpeg(at_once=settings.ffmpeg_at_once),
        engine=engine,
        engine_problem=engine_problem,
        scratch=_empty_scratch(),
        now=time.time,
        started_at=time.time(),
        jobs=jobs,
        audio=audio,
        queue=queue,
        subscribers=gateway,
        quota=quota,
        client_account=_client_account(settings, table),
        access=_access(settings, keys, table, clients),
        rates=RequestRates(settings.client_requests_per_minute),
        admin=_admin(settings, table),
        cache=DynamoCache(table) if settings.cache_mb and settings.jobs_table else None,
        voices=DynamoVoices(table) if settings.speakers else None,
        speaker_tasks=speaker_tasks,
        listens_elsewhere=True,  # with SPEAKERS the template gives the layer to the functions that transcribe
        senders=_senders(settings, keys, table) if sends_deliveries else _recording_senders(settings),
        key_secret=b"" if sends_deliveries else _key_secret(settings, clients),
        store_timeout=_STORE_TIMEOUT,
    )
    return Sandbox(services, audio, queue, speaker_tasks, gateway, unreadable_key=keys.unreadable)


def _jobs_and_queue(settings: Settings, clients: Clients, table: Table) -> tuple[DynamoJobs, SqsQueue]:
    """They know each other: the store counts the queue's messages, and the queue notes those it sends."""

    async def count_messages() -> int:
        return await queue.count_ready()

    lost_after = _LOST_AFTER_SWEEPS * settings.sweep_seconds
    jobs = DynamoJobs(table, lost_after=lost_after, count_messages=count_messages)
    queue = SqsQueue(clients, settings.queue_url, now=time.time, note_message=jobs.note_message)
    return jobs, queue


def _admin(settings: Settings, table: Table) -> AdminServices:
    """Functions without the table keep nothing."""
    if settings.jobs_table is None:
        return AdminServices()
    return wiring.admin_services(DynamoAdmin(table), DynamoDirectory(table), now=time.time)


def _empty_scratch() -> Path:
    """Empty, since the temporary folder outlives a call that was cut off."""
    folder = Path(tempfile.gettempdir()) / "escriba"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder


# ── keys ──────────────────────────────────────────────────────────────────────────────────────────


class _Keys:
    """Reads the keys that settings refer to; `unreadable` is the sentence for the first that failed."""

    def __init__(self, clients: Clients) -> None:
        self._clients = clients
        self.unreadable: str | None = None

    def read(self, variable: str, setting: str | None) -> str | None:
        if not setting:
            return None
        try:
            return resolve_secret(self._clients, setting)
        except SecretUnreadable as exc:
            log("secret.unreadable", level="ERROR", exc_info=exc)
            self.unreadable = self.unreadable or f"{variable}: {exc}"
            return None


def _access(settings: Settings, keys: _Keys, table: Table, clients: Clients) -> Access:
    """Only with access keys there are tokens, and a secret that signs them."""
    is_on = settings.has_access_keys and settings.jobs_table is not None
    return wiring.access(
        settings,
        DynamoAccessKeys(table),
        admin_key=keys.read("ADMIN_KEY", settings.admin_key),
        api_keys=keys.read("API_KEYS", settings.api_keys),
        page_password=keys.read("PAGE_PASSWORD", settings.page_password),
        secret=read_shared_secret(clients, settings.jobs_table or "", "tokens") if is_on else b"",
        now=time.time,
    )


def _key_secret(settings: Settings, clients: Clients) -> bytes:
    """Only functions that accept jobs make ids of Idempotency-Keys; those have a table and a bucket."""
    if settings.jobs_table is None or settings.audio_bucket is None:
        return b""
    return read_shared_secret(clients, settings.jobs_table, "idempotency")


# ── the engine ────────────────────────────────────────────────────────────────────────────────────


def _engine(settings: Settings, keys: _Keys, quota: QuotaStore | None) -> tuple[Groq, str | None]:
    """The engine's client, and why it cannot work."""
    key, problem = None, None if settings.engine == "groq" else "GROQ_API_KEY is not set"
    if settings.groq_api_key:
        key = keys.read("GROQ_API_KEY", settings.groq_api_key)
        problem = keys.unreadable
    return wiring.groq_client(settings, api_key=key, quota=quota, now=time.time), problem


def _quota(settings: Settings, table: Table) -> QuotaStore | None:
    start = wiring.first_quota(settings)
    if start is None or settings.jobs_table is None:
        return None
    return DynamoAccount(table, name=settings.groq_model, start=start)


def _client_account(
    settings: Settings, table: Table
) -> Callable[[str, ClientUse], DynamoAccount[ClientUse]] | None:
    if settings.jobs_table is None:
        return None
    return lambda client, start: DynamoAccount(table, name=f"client:{client}", start=start, keeps=2 * DAY)


# ── senders ───────────────────────────────────────────────────────────────────────────────────────


def _senders(settings: Settings, keys: _Keys, table: Table) -> Mapping[Target, Sender]:
    webhook = wiring.webhook_sender(settings, keys.read("CALLBACK_SECRET", settings.callback_secret))
    convex = wiring.convex_sender(
        settings,
        keys.read("CONVEX_API_KEY", settings.convex_api_key) if settings.convex_site_url else None,
        now=time.time,
        budget=lambda start: DynamoAccount(table, name="convex", start=start),
    )
    return wiring.by_target(convex=convex, webhook=webhook)


class _RecordingSender:
    """Lets deliveries be recorded where no function sends them: the worker and the sweep do."""

    problem: str | None = None

    async def send(self, job: Job, result: Transcript | None, *, is_asked: bool = False) -> None:  # noqa: ARG002
        raise DeliveryFailed("another function sends it")


def _recording_senders(settings: Settings) -> Mapping[Target, Sender]:
    return {"convex": _RecordingSender()} if settings.convex_site_url else {}
