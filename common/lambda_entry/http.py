"""HTTP: API Gateway's events (payload 2.0) to the same routers that the container mounts, through Mangum."""

from __future__ import annotations

import json
from contextlib import suppress
from importlib import import_module
from typing import Any

from fastapi import APIRouter
from mangum import Mangum

from common.errors import AnswerTooLarge, EscribaError, UploadNeedsTicket
from common.http.app import build_app
from common.lambda_entry import loop
from common.lambda_entry.deadline import InTime, refused
from common.lambda_entry.handlers import Answer, Event, LambdaHandler
from common.lambda_entry.sandbox import Sandbox, compose, once
from common.services import Services
from common.settings import MB

# What a call may weigh: 6 MB of JSON around base64, which makes four characters of three bytes.
# https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
LARGEST_BODY = 4 * MB + 64 * 1024
_LARGEST_ANSWER = 6 * MB - 64 * 1024


def handler_of(*routers: APIRouter, nowhere_but: tuple[str, ...] = ()) -> LambdaHandler:
    """`nowhere_but`: modules of functions/ whose routes are known here, but routed to other functions."""
    current = once(compose)
    own = {getattr(route, "path", "") for router in routers for route in router.routes}
    made: dict[bool, tuple[Sandbox, LambdaHandler]] = {}

    def serve(path: str) -> tuple[Sandbox, LambdaHandler]:
        sandbox, is_whole = current(), bool(nowhere_but) and path not in own
        if is_whole not in made or made[is_whole][0] is not sandbox:
            others = [import_module(f"functions.{name}").router for name in nowhere_but if is_whole]
            made[is_whole] = sandbox, _served(sandbox.services, *routers, *others)
        return made[is_whole]

    def handler(event: Event, context: Any) -> Answer:
        loop.ready()
        _name(event, context)
        try:
            sandbox, adapter = serve(event["rawPath"])
        except EscribaError as error:  # the store cannot answer now: the next call tries again
            return _failed(event, error)
        if _size(event) > LARGEST_BODY:
            limits = {
                "limit_mb": LARGEST_BODY // MB,
                "ticket_mb": sandbox.services.settings.max_job_upload_mb,
            }
            return _failed(event, UploadNeedsTicket(**limits))
        answer = adapter(event, context)
        return answer if _fits(answer) else _failed(event, AnswerTooLarge())

    with suppress(EscribaError):
        loop.ready()
        serve(next(iter(own)))
    return handler


def _served(services: Services, *routers: APIRouter) -> LambdaHandler:
    settings = services.settings
    app = build_app(*routers, cors_origins=settings.cors_origins, public_url=settings.public_url)
    app.state.services = services
    # "auto" would run start-up and shut-down on every invocation.
    return Mangum(InTime(app), lifespan="off")


def _name(event: Event, context: Any) -> None:
    """A request without an id of its own gets Lambda's, so that our log and Lambda's tell of the same."""
    event.setdefault("headers", {}).setdefault("x-request-id", context.aws_request_id)


def _size(event: Event) -> int:
    body = event.get("body") or ""
    return len(body) * 3 // 4 if event.get("isBase64Encoded") else len(body)


def _fits(answer: Answer) -> bool:
    """As Lambda counts it: JSON, in which a body that is JSON itself has grown by every quotation mark."""
    body = answer["body"]
    if len(body) < _LARGEST_ANSWER // 6:  # however it is written
        return True
    return len(json.dumps(body, ensure_ascii=False).encode()) <= _LARGEST_ANSWER


def _failed(event: Event, error: EscribaError) -> Answer:
    """What ends before the routers are reached, in the shape of what ends there."""
    status, told, body = refused(error, path=event["rawPath"], asked=event["headers"])
    return {
        "statusCode": status,
        "headers": {name.decode(): value.decode() for name, value in told},
        "body": body.decode(),
        "isBase64Encoded": False,
    }
