"""API Gateway's WebSocket API: who connects, what a client asks to watch, who leaves.

Nothing can be posted while a client connects, so it speaks first: `{"jobId": …, "after": …}`.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from aws_lambda_powertools.utilities.data_classes import APIGatewayWebSocketEvent

from common.aws.frames import frames
from common.aws.gateway_subscribers import GatewaySubscribers, Gone
from common.errors import EscribaError, Language, OptionInvalid
from common.http.error_response import failure, spoken_language
from common.jobs.ids import parse_job_id
from common.jobs.watch import open_watch, parse_seq
from common.lambda_entry import loop
from common.lambda_entry.handlers import Answer, Event, LambdaHandler
from common.lambda_entry.sandbox import Sandbox, compose
from common.settings import Settings

_WELL: Answer = {"statusCode": 200}
_UNWELCOME: Answer = {"statusCode": 403}


def handler_of(is_welcome: Callable[[str | None, str, Settings], bool]) -> LambdaHandler:
    loop.ready()
    sandbox = compose(longest_wait=0)

    def handler(event: Event, context: Any) -> Answer:  # noqa: ARG001
        told = APIGatewayWebSocketEvent(event)
        connection = told.request_context.connection_id
        match told.request_context.event_type:
            case "CONNECT":
                origin, host = _header(event, "origin"), _header(event, "host") or ""
                return _WELL if is_welcome(origin, host, sandbox.services.settings) else _UNWELCOME
            case "DISCONNECT":
                loop.run(sandbox.gateway.forget(connection))
            case _:
                loop.run(_asked(sandbox, connection, event.get("body") or "", event))
        return _WELL

    return handler


async def _asked(sandbox: Sandbox, connection: str, body: str, event: Event) -> None:
    try:
        await _begin(sandbox, connection, body)
    except Gone:
        await sandbox.gateway.forget(connection)
    except EscribaError as error:
        await _say(sandbox.gateway, connection, error, event["requestContext"]["requestId"])


async def _begin(sandbox: Sandbox, connection: str, body: str) -> None:
    """First how the job stands, or what came after the given place; from then on every change."""
    job_id, after, language = _read(body)
    services, gateway = sandbox.services, sandbox.gateway
    await gateway.check_room(job_id, connection)
    async with open_watch(services, job_id, after=after, language=language) as watch:
        told = after or 0
        async for message in watch.messages():
            if message.seq is not None:
                told = message.seq
                for frame in frames(message.json):
                    await gateway.post(connection, frame)
    if not watch.is_over:
        await gateway.watch(job_id, connection, told=told, language=language)


def _read(body: str) -> tuple[str, int | None, Language]:
    """Raises OptionInvalid, JobNotFound."""
    try:
        told = json.loads(body)
        job_id, after = str(told["jobId"]), told.get("after")
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise OptionInvalid(option="jobId", expected='{"jobId": "…", "after": 0}') from None
    return parse_job_id(job_id), parse_seq(str(after)), spoken_language(str(told.get("language", "")))


async def _say(gateway: GatewaySubscribers, connection: str, error: EscribaError, request_id: str) -> None:
    """What stands in the way, in the shape that every failure has."""
    _, _, body = failure(error, accept_language="", request_id=request_id)
    told = {"type": "error", "status": error.status, **json.loads(body)}
    try:
        await gateway.post(connection, json.dumps(told, ensure_ascii=False))
    except (Gone, EscribaError):
        await gateway.forget(connection)


def _header(event: Event, name: str) -> str | None:
    """API Gateway keeps the letters as the client wrote them."""
    headers: dict[str, str] = event.get("headers") or {}
    return next((value for key, value in headers.items() if key.lower() == name), None)
