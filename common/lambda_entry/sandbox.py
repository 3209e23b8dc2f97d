"""The services of one sandbox, from its environment; AWS itself is asked when something needs it."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from common import wiring
from common.audio.ffmpeg import Ffmpeg
from common.aws.clients import Clients
from common.aws.dynamo_jobs import DynamoJobs
from common.aws.dynamo_quota import DynamoQuota
from common.aws.gateway_subscribers import GatewaySubscribers
from common.aws.s3_audio import S3Audio
from common.aws.secret import read_secret
from common.aws.secrets import SecretUnreadable, reveal
from common.aws.sqs_tasks import SqsTasks
from common.aws.table import Table
from common.groq.client import Groq
from common.log import log, set_level
from common.models import Job, Transcript
from common.ports import DeliveryFailed, Sender, Target
from common.services import Services
from common.settings import Settings, read_settings

# Rounds after which a job that no message has brought was lost.
_LOST_AFTER = 5
# Seconds within which SQS tells how much it holds, boto3's import and the first handshake included.
_STORE_PATIENCE = 3.0


@dataclass(frozen=True, slots=True)
class Sandbox:
    """The services, and those of their adapters that only Lambda's own events concern.

    `unread` names the key that could not be read, if there is one.
    """

    services: Services
    audio: S3Audio
    tasks: SqsTasks
    gateway: GatewaySubscribers
    unread: str | None

    def require_keys(self) -> None:
        """Raises SecretUnreadable: what only a later call can do must not fail for good in this one."""
        if self.unread:
            raise SecretUnreadable(self.unread)


def once(make: Callable[[], Sandbox]) -> Callable[[], Sandbox]:
    """The sandbox for each call: the same one, or another try while one of its keys cannot be read."""
    made: Sandbox | None = None

    def current() -> Sandbox:
        nonlocal made
        if made is None or made.unread:
            made = make()
        return made

    return current


def compose(*, delivers: bool = False, longest_wait: float = 20.0) -> Sandbox:
    """`delivers`: this function tells Convex and callbacks itself, so that it must know their keys.

    `longest_wait` is how many seconds an answer may wait for news.
    """
    settings = read_settings()
    set_level(settings.log_level)
    clients = Clients()
    table = Table(clients, settings.jobs_table)

    async def messages() -> int:
        return await tasks.ready()

    jobs = DynamoJobs(table, patience=_LOST_AFTER * settings.sweep_seconds, messages=messages)
    audio = S3Audio(clients, settings.audio_bucket, seconds=settings.upload_ticket_seconds)
    tasks = SqsTasks(clients, settings.queue_url, now=time.time, expect=jobs.expect)
    gateway = GatewaySubscribers(
        clients, table, settings.websocket_endpoint, stored=jobs.events, longest=longest_wait
    )
    quota = _quota(settings, table)
    keys = _Keys(clients)
    engine, problem = _engine(settings, keys, quota)
    services = Services(
        settings=settings,
        ffmpeg=Ffmpeg(at_once=settings.ffmpeg_at_once),
        engine=engine,
        engine_problem=problem,
        scratch=_scratch(),
        now=time.time,
        started_at=time.time(),
        jobs=jobs,
        audio=audio,
        queue=tasks,
        subscribers=gateway,
        quota=quota,
        senders=_senders(settings, keys, table) if delivers else _elsewhere(settings),
        key_secret=b"" if delivers else _key_secret(settings, clients),
        store_timeout=_STORE_PATIENCE,
    )
    return Sandbox(services, audio, tasks, gateway, unread=keys.unread)


class _Keys:
    """Reads what settings refer to; `unread` is the first that could not be."""

    def __init__(self, clients: Clients) -> None:
        self._clients = clients
        self.unread: str | None = None

    def read(self, variable: str, setting: str | None) -> str | None:
        if not setting:
            return None
        try:
            return reveal(self._clients, setting)
        except SecretUnreadable as exc:
            log("secret.unreadable", level="ERROR", exc_info=exc)
            self.unread = self.unread or f"{variable}: {exc}"
            return None


def _scratch() -> Path:
    """Emptied, since /tmp outlives a call that was cut off."""
    folder = Path(tempfile.gettempdir()) / "escriba"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder


# ── the engine ────────────────────────────────────────────────────────────────────────────────────


def _engine(settings: Settings, keys: _Keys, quota: DynamoQuota | None) -> tuple[Groq, str | None]:
    """The engine's client, and why it cannot work."""
    key, problem = None, None if settings.engine == "groq" else "GROQ_API_KEY is not set"
    if settings.groq_api_key:
        key = keys.read("GROQ_API_KEY", settings.groq_api_key)
        problem = keys.unread
    return wiring.groq(settings, api_key=key, quota=quota, now=time.time), problem


def _quota(settings: Settings, table: Table) -> DynamoQuota | None:
    start = wiring.first_quota(settings)
    if start is None or settings.jobs_table is None:
        return None
    return DynamoQuota(table, model=settings.groq_model, start=start)


# ── who is told ───────────────────────────────────────────────────────────────────────────────────


class _Elsewhere:
    """In the place of a sender where news are only recorded: workers and the minutely round carry them."""

    problem: str | None = None

    async def send(self, job: Job, result: Transcript | None) -> None:  # noqa: ARG002
        raise DeliveryFailed("another function's work")


def _elsewhere(settings: Settings) -> Mapping[Target, Sender]:
    return {"convex": _Elsewhere()} if settings.convex_site_url else {}


def _senders(settings: Settings, keys: _Keys, table: Table) -> Mapping[Target, Sender]:
    senders = wiring.webhook_sender(settings, keys.read("CALLBACK_SECRET", settings.callback_secret))
    convex = wiring.convex_sender(
        settings,
        keys.read("CONVEX_API_KEY", settings.convex_api_key) if settings.convex_site_url else None,
        now=time.time,
        budget=lambda start: DynamoQuota(table, model="convex", start=start),
    )
    if convex:
        senders["convex"] = convex
    return senders


def _key_secret(settings: Settings, clients: Clients) -> bytes:
    """Only who accepts jobs makes ids of keys, and for that has a table and a bucket."""
    if settings.jobs_table is None or settings.audio_bucket is None:
        return b""
    return read_secret(clients, settings.jobs_table, "idempotency")
