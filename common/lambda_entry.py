"""Routers → what AWS Lambda calls. The services are composed once per sandbox, on its first call."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter

from common.audio.ffmpeg import Ffmpeg
from common.groq import Groq
from common.ports import QuotaStore
from common.quota import Quota, QuotaNews
from common.services import Services
from common.settings import GROQ_URL, Settings

if TYPE_CHECKING:
    from common.aws.table import Table

_loop: asyncio.AbstractEventLoop | None = None

LambdaHandler = Callable[[dict[str, Any], Any], dict[str, Any]]


def http(*routers: APIRouter) -> LambdaHandler:
    """A handler for HTTP API (payload 2.0) events, through Mangum.

    Nothing is imported or composed until the first call: the container imports the same modules and
    pays for none of it.
    """
    adapter: LambdaHandler | None = None

    def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
        nonlocal adapter
        _have_loop()
        adapter = adapter or _adapter(*routers)
        return adapter(event, context)

    return handler


def _have_loop() -> None:
    """Mangum takes the thread's event loop for granted, and newer Pythons do not make one by themselves."""
    global _loop  # noqa: PLW0603 - a sandbox has one
    if _loop is None or _loop.is_closed():
        _loop = asyncio.new_event_loop()
    asyncio.set_event_loop(_loop)


def _adapter(*routers: APIRouter) -> LambdaHandler:
    from mangum import Mangum

    from common.web import build_app

    services = compose()
    app = build_app(*routers, cors_origins=services.settings.cors_origins)
    app.state.services = services
    # "auto" would run start-up and shut-down on every invocation.
    return Mangum(app, lifespan="off")


def compose() -> Services:
    """The services of one sandbox, from its environment; AWS itself is asked when something needs it."""
    from common.aws.clients import Clients
    from common.aws.dynamo_jobs import DynamoJobs
    from common.aws.gateway_subscribers import GatewaySubscribers
    from common.aws.s3_audio import S3Audio
    from common.aws.sqs_tasks import SqsTasks
    from common.aws.table import Table
    from common.log import set_level
    from common.settings import read_settings

    settings = read_settings()
    set_level(settings.log_level)
    clients = Clients()
    table = Table(clients, settings.jobs_table)
    jobs = DynamoJobs(table)
    quota = _quota(settings, table)
    return Services(
        settings=settings,
        ffmpeg=Ffmpeg(at_once=settings.ffmpeg_at_once),
        engine=_engine(settings, quota),
        engine_problem=None if settings.engine == "groq" else "GROQ_API_KEY is not set",
        scratch=Path(tempfile.gettempdir()),
        now=time.time,
        started_at=time.time(),
        jobs=jobs,
        audio=S3Audio(clients, settings.audio_bucket, seconds=settings.upload_ticket_seconds),
        queue=SqsTasks(clients, settings.queue_url, now=time.time, expect=jobs.expect),
        subscribers=GatewaySubscribers(clients, table, settings.websocket_endpoint, stored=jobs.events),
        quota=quota,
    )


def _engine(settings: Settings, quota: QuotaStore | None) -> Groq:
    async def learn(news: QuotaNews) -> None:
        if quota is not None:
            await quota.change(lambda account: (account.heard(news, time.time()), None))

    return Groq(
        base_url=settings.groq_base_url,
        api_key=settings.groq_api_key,
        model=settings.groq_model,
        on_quota=learn,
    )


def _quota(settings: Settings, table: Table) -> QuotaStore | None:
    """Groq's own limits are counted; other servers' only where the settings name some."""
    from common.aws.dynamo_quota import DynamoQuota

    named = settings.quota_limits
    if settings.jobs_table is None or (settings.groq_base_url != GROQ_URL and not named):
        return None
    return DynamoQuota(table, model=settings.groq_model, start=Quota.with_limits(**named))
