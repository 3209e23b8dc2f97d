"""WS /ws/transcription/{id}: a job as it changes, as JSON messages."""

from __future__ import annotations

from contextlib import aclosing

from fastapi import APIRouter, WebSocket

from common.access.credentials import SUBPROTOCOL
from common.errors import EscribaError
from common.http.app import ServicesDep, language_of
from common.http.caller import caller_of, check_visible
from common.http.disconnect import run_until_left, sending
from common.http.foreign_pages import host_of
from common.jobs.ids import parse_job_id
from common.jobs.watch import Watch, open_watch, parse_seq
from common.lambda_entry.handlers import websocket_handler
from common.services import Services
from common.settings import Settings

router = APIRouter()

ENDED = 1000
RESTARTING = 1012  # "service restart": a client connects again, here or to another instance
# Plus the HTTP status of the error: 4401 (also when the key or token ends), 4404, 4410, 4429.
_ERROR_BASE = 4000


@router.websocket("/ws/transcription/{job_id}")
async def transcription_ws(socket: WebSocket, job_id: str, services: ServicesDep) -> None:
    """A snapshot of the job, or with `?after=<seq>` the events since; then every change until it ends."""
    origin, host = socket.headers.get("origin"), socket.headers.get("host", "")
    if not _is_welcome(origin, host, services.settings):
        await socket.close()  # before it is accepted: HTTP 403
        return
    await socket.accept(_subprotocol(socket))
    await run_until_left(_serve(socket, job_id, services), socket.receive)


def _is_welcome(origin: str | None, host: str, settings: Settings) -> bool:
    """Browsers do not apply CORS to WebSockets, so we do; other clients send no Origin."""
    allowed = settings.cors_origins
    if origin is None or not allowed or "*" in allowed:
        return True
    return origin in allowed or host_of(origin) == host


def _subprotocol(socket: WebSocket) -> str | None:
    """A browser that offers subprotocols closes the socket unless one of them is accepted."""
    return SUBPROTOCOL if SUBPROTOCOL in socket.scope.get("subprotocols", ()) else None


async def _serve(socket: WebSocket, job_id: str, services: Services) -> None:
    language = language_of(socket)
    try:
        after, parsed_id = parse_seq(socket.query_params.get("after")), parse_job_id(job_id)
        caller = await caller_of(socket)
        caller.require("read")
        await check_visible(services, caller, parsed_id)
        watching = open_watch(services, parsed_id, after=after, language=language, caller=caller.client)
        async with services.access.connections.hold(caller), watching as watch:
            await _send_messages(socket, watch)
    except EscribaError as error:
        async with sending():
            await socket.close(_ERROR_BASE + error.status, _reason(error.message(language)))


async def _send_messages(socket: WebSocket, watch: Watch) -> None:
    async with aclosing(watch.messages()) as messages:
        async for message in messages:
            async with sending():
                await socket.send_text(message.json)
    async with sending():
        if watch.is_over:
            await socket.close(ENDED, "ended")
        else:
            await socket.close(RESTARTING, "connect again")


def _reason(sentence: str) -> str:
    """At most 123 bytes, as a close frame allows (RFC 6455, 5.5)."""
    return sentence.encode()[:123].decode(errors="ignore")


handler = websocket_handler(_is_welcome)
