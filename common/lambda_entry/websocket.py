"""API Gateway's WebSocket API: who connects, which job a client asks to watch, who disconnects.

API Gateway delivers nothing to a connection before it is open, so the client sends the first message:
`{"jobId": …, "after": …, "key": …}`.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from aws_lambda_powertools.utilities.data_classes import APIGatewayWebSocketEvent

from common.access.credentials import SUBPROTOCOL
from common.aws.gateway_subscribers import GatewaySubscribers, Gone
from common.aws.websocket_frames import split_into_frames
from common.errors import EscribaError, Language, OptionInvalid
from common.http.caller import check_visible
from common.http.error_response import failure, spoken_language
from common.jobs.ids import parse_job_id
from common.jobs.watch import open_watch, parse_seq
from common.lambda_entry import loop
from common.lambda_entry.handlers import Answer, Event, Handle
from common.lambda_entry.sandbox import Sandbox, compose
from common.settings import Settings

_OK: Answer = {"statusCode": 200}
_FORBIDDEN: Answer = {"statusCode": 403}


def make_handler(may_connect: Callable[[str | None, str, Settings], bool]) -> Handle:
    loop.current()
    sandbox = compose(longest_wait=0)

    def handle(event: Event, context: Any) -> Answer:  # noqa: ARG001
        request = APIGatewayWebSocketEvent(event).request_context
        match request.event_type:
            case "CONNECT":
                origin, host = _header(event, "origin"), _header(event, "host") or ""
                return _accept(event) if may_connect(origin, host, sandbox.services.settings) else _FORBIDDEN
            case "DISCONNECT":
                loop.run(sandbox.gateway.forget(request.connection_id))
            case _:
                loop.run(_answer(sandbox, request.connection_id, event))
        return _OK

    return handle


def _accept(event: Event) -> Answer:
    """A browser that offers subprotocols closes the socket unless the answer names one of them."""
    offered = (_header(event, "sec-websocket-protocol") or "").split(",")
    if SUBPROTOCOL not in [name.strip() for name in offered]:
        return _OK
    return {**_OK, "headers": {"Sec-WebSocket-Protocol": SUBPROTOCOL}}


async def _answer(sandbox: Sandbox, connection: str, event: Event) -> None:
    try:
        await _start_watching(sandbox, connection, event.get("body") or "")
    except Gone:
        await sandbox.gateway.forget(connection)
    except EscribaError as error:
        await _post_error(sandbox.gateway, connection, error, event["requestContext"]["requestId"])


async def _start_watching(sandbox: Sandbox, connection: str, body: str) -> None:
    """Send the job's snapshot, or what came after the given seq; from then on every change is sent."""
    job_id, after, language, credential = _parse(body)
    services, gateway = sandbox.services, sandbox.gateway
    caller = await services.access.identify(credential, client="")
    caller.require("read")
    await check_visible(services, caller, job_id)
    await gateway.check_room(job_id, connection)
    async with open_watch(services, job_id, after=after, language=language) as watch:
        last_seq = after or 0
        async for message in watch.messages():
            if message.seq is not None:
                last_seq = message.seq
                for frame in split_into_frames(message.json):
                    await gateway.post(connection, frame)
    if not watch.is_over:
        await gateway.watch(job_id, connection, last_seq=last_seq, language=language)


def _parse(body: str) -> tuple[str, int | None, Language, str | None]:
    """Raises OptionInvalid, JobNotFound."""
    try:
        fields = json.loads(body)
        job_id, after = str(fields["jobId"]), fields.get("after")
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise OptionInvalid(option="jobId", expected='{"jobId": "…", "after": 0}') from None
    language = spoken_language(str(fields.get("language", "")))
    credential = fields.get("key")
    return (
        parse_job_id(job_id),
        parse_seq(str(after)),
        language,
        None if credential is None else str(credential),
    )


async def _post_error(
    gateway: GatewaySubscribers, connection: str, error: EscribaError, request_id: str
) -> None:
    """In the shape that every failure has."""
    _, _, body = failure(error, accept_language="", request_id=request_id)
    message = {"type": "error", "status": error.status, **json.loads(body)}
    try:
        await gateway.post(connection, json.dumps(message, ensure_ascii=False))
    except (Gone, EscribaError):
        await gateway.forget(connection)


def _header(event: Event, name: str) -> str | None:
    """API Gateway keeps the letters as the client wrote them."""
    headers: dict[str, str] = event.get("headers") or {}
    return next((value for key, value in headers.items() if key.lower() == name), None)
