"""Escriba in one process: compose the container, mount every endpoint, serve until SIGTERM."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

from common.local.server import startup

if __name__ == "__main__":
    startup.speed_up_imports()

from fastapi import FastAPI

from common import wiring
from common.access.ledger import Ledger
from common.container import container
from common.http.app import build_app
from common.http.caller import client_of_scope
from common.http.edge import Edge
from common.http.foreign_pages import is_loopback
from common.local.engine import engine_problem
from common.local.hub import Hub
from common.local.scratch import FolderUnusable
from common.local.server.banner import banner
from common.local.server.connections import ConnectionLimits
from common.local.server.request_body import Pace
from common.local.server.serve import AddressUnusable, serve
from common.local.server.stop_signal import StopSignal, server_stopping
from common.local.server.upload_guard import UploadGuard
from common.local.server.upload_limits import UploadLimits
from common.log import set_level
from common.openai.address import UPLOADS
from common.settings import SettingInvalid, Settings, read_settings
from common.stores import DatabaseUnusable
from functions import (
    admin,
    admin_deliveries,
    admin_jobs,
    admin_server,
    health,
    job,
    job_audio,
    job_transcript,
    limits,
    metrics,
    openai_audio,
    page,
    quota,
    sign_in,
    tokens,
    transcribe,
    transcribe_job,
    transcription_ws,
)

# Connections for all clients but watchers.
_OTHER_CONNECTIONS = 128


def main() -> int:
    """Serve until a signal comes, and return 0; return 2 when these settings do not let it start."""
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
    hub = Hub(max_listeners=settings.max_watchers)
    signal = StopSignal()
    signal.subscribe(hub.close)
    app = build(settings)
    ledger = wiring.ledger(settings)
    guard = UploadGuard(
        app,
        _upload_limits(settings),
        ledger.pool("uploads"),
        client_of=partial(_client_of, app),
        count=partial(_count_request, app),
    )
    signal.subscribe_later(settings.request_grace, partial(guard.close, server_stopping))
    serve(
        Edge(guard, proxies=settings.trusted_proxies, hops=settings.trusted_hops),
        host=settings.host,
        port=settings.port,
        limits=_connection_limits(settings),
        lifespan=_services(app, settings, hub, signal, ledger),
        on_start=partial(_print_banner, settings),
        on_stop=signal.notify,
    )


def build(settings: Settings) -> FastAPI:
    """Every endpoint; `app.state.services` must be set before the first request."""
    return build_app(
        health.router,
        limits.router,
        transcribe.router,
        transcribe_job.router,
        job_audio.router,
        job.router,
        job_transcript.router,
        transcription_ws.router,
        openai_audio.router,
        tokens.router,
        sign_in.router,
        quota.router,
        admin.router,
        admin_deliveries.router,
        admin_jobs.router,
        admin_server.router,
        metrics.router,
        page.router,
        cors_origins=settings.cors_origins,
        public_url=settings.public_url,
        is_local=is_loopback(settings.host),
    )


@asynccontextmanager
async def _services(
    app: FastAPI, settings: Settings, hub: Hub, signal: StopSignal, ledger: Ledger
) -> AsyncIterator[None]:
    async with container(settings, hub, signal, ledger) as services:
        app.state.services = services
        startup.freeze_imports()
        yield


async def _client_of(app: FastAPI, scope: Any) -> str:
    return await client_of_scope(app.state.services.access, scope)


def _count_request(app: FastAPI, change: int) -> None:
    app.state.services.active.count(requests=change)


def _upload_limits(settings: Settings) -> UploadLimits:
    return UploadLimits(
        uploads={
            "/transcribe": settings.max_upload_bytes,
            "/transcribe-job": settings.max_job_upload_bytes,
            "/job/*/audio": settings.max_job_upload_bytes,
            "/job/*/transcript": settings.max_job_upload_bytes,  # which itself takes much less
            **dict.fromkeys(UPLOADS, settings.max_job_upload_bytes),
        },
        slots=settings.upload_slots,
        max_slow=2 * settings.upload_slots,
        line_length=settings.line_length,
        line_wait=settings.line_timeout,
        pace=Pace(
            deadline=settings.upload_timeout,
            idle=settings.upload_idle_timeout,
            min_rate=settings.upload_min_bytes_per_second,
        ),
    )


def _connection_limits(settings: Settings) -> ConnectionLimits:
    return ConnectionLimits(
        header=settings.header_timeout,
        shutdown=settings.shutdown_timeout,
        connections=settings.max_watchers + _OTHER_CONNECTIONS,
    )


def _print_banner(settings: Settings, port: int) -> None:
    problem, is_terminal = engine_problem(settings), sys.stdout.isatty()
    print(banner(settings, port=port, problem=problem, with_command=is_terminal), flush=True)


if __name__ == "__main__":
    sys.exit(main())
