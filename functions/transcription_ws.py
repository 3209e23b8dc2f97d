"""WS /ws/transcription/{id}: a job as it changes, as JSON messages."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from urllib.parse import urlsplit

from fastapi import APIRouter, WebSocket, WebSocketDisconnect

from common.errors import EscribaError
from common.http.app import Served, locale_of
from common.http.disconnect import until_left
from common.jobs.ids import parse_job_id
from common.jobs.watch import Watch, open_watch, parse_seq
from common.lambda_entry.handlers import websocket_handler
from common.services import Services
from common.settings import Settings

router = APIRouter()

# Seconds that one message may wait for a reader who does not read; it comes back with its last seq.
_STUCK = 10.0

ENDED = 1000
SHUTTING_DOWN = 1001
# 4404, 4410, 4429: the HTTP status of what stands in the way.
_REFUSED = 4000


@router.websocket("/ws/transcription/{job_id}")
async def transcription_ws(socket: WebSocket, job_id: str, services: Served) -> None:
    """First how the job stands, or with `?after=<seq>` what came since; then every change until it ends."""
    origin, host = socket.headers.get("origin"), socket.headers.get("host", "")
    if not _is_welcome(origin, host, services.settings):
        await socket.close()  # before it is accepted: HTTP 403
        return
    await socket.accept()
    await until_left(_serve(socket, job_id, services), socket.receive)


def _is_welcome(origin: str | None, host: str, settings: Settings) -> bool:
    """Browsers do not hold WebSockets to CORS, so it is done here; who is no browser sends no Origin."""
    allowed = settings.cors_origins
    if origin is None or not allowed or "*" in allowed:
        return True
    return origin in allowed or _host_of(origin) == host


def _host_of(origin: str) -> str | None:
    try:
        return urlsplit(origin).netloc
    except ValueError:
        return None


async def _serve(socket: WebSocket, job_id: str, services: Services) -> None:
    language = locale_of(socket)
    try:
        after = parse_seq(socket.query_params.get("after"))
        async with open_watch(services, parse_job_id(job_id), after=after, language=language) as watch:
            await _tell(socket, watch)
    except EscribaError as error:
        await socket.close(_REFUSED + error.status, _reason(error.message(language)))
    except (TimeoutError, WebSocketDisconnect):
        return  # nothing more can be sent, not even a close


async def _tell(socket: WebSocket, watch: Watch) -> None:
    async with aclosing(watch.messages()) as messages:
        async for message in messages:
            async with asyncio.timeout(_STUCK):
                await socket.send_text(message.json)
    async with asyncio.timeout(_STUCK):
        if watch.is_over:
            await socket.close(ENDED, "ended")
        else:
            await socket.close(SHUTTING_DOWN, "shutting down")


def _reason(sentence: str) -> str:
    """As much as a close frame has room for: 123 bytes (RFC 6455, 5.5)."""
    return sentence.encode()[:123].decode(errors="ignore")


handler = websocket_handler(_is_welcome)
