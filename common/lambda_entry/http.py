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
from common.http.edge import Edge
from common.lambda_entry import loop
from common.lambda_entry.deadline import DeadlineGuard, error_answer
from common.lambda_entry.emf import write_counters
from common.lambda_entry.handlers import Answer, Event, Handle
from common.lambda_entry.sandbox import Sandbox, compose, compose_once
from common.lambda_entry.usage import UsageWriter
from common.services import Services
from common.settings import MB, Settings

# What a call may weigh: 6 MB of JSON around base64, which makes four characters of three bytes.
# https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
LARGEST_BODY = 4 * MB + 64 * 1024
_LARGEST_ANSWER = 6 * MB - 64 * 1024


def make_handler(*routers: APIRouter, fallback_for: tuple[str, ...] = ()) -> Handle:
    apps = _Apps(routers, fallback_for)
    usage = UsageWriter()

    def handle(event: Event, context: Any) -> Answer:
        loop.current()
        _add_request_id(event, context)
        try:
            sandbox, adapter = apps.select(event["rawPath"])
        except EscribaError as error:  # the store cannot answer now: the next call tries again
            return _error_answer(event, error)
        if _body_bytes(event) > LARGEST_BODY:
            return _error_answer(event, _needs_ticket(sandbox.services.settings))
        answer = adapter(event, context)
        usage.write(sandbox.services)
        write_counters(sandbox.services)
        return answer if _fits(answer) else _error_answer(event, AnswerTooLarge())

    with suppress(EscribaError):
        loop.current()
        apps.build_own()
    return handle


class _Apps:
    """The app of a function's own routes and, for a fallback, the app of all routes.

    Each is built anew when the sandbox is composed anew, since a key that could not be read now can be.
    """

    def __init__(self, routers: tuple[APIRouter, ...], fallback_for: tuple[str, ...]) -> None:
        self._routers = routers
        self._fallback_for = fallback_for
        self._own_paths = {getattr(route, "path", "") for router in routers for route in router.routes}
        self._sandbox = compose_once(compose)
        self._built: dict[bool, tuple[Sandbox, Handle]] = {}

    def select(self, path: str) -> tuple[Sandbox, Handle]:
        return self._build(has_all=bool(self._fallback_for) and path not in self._own_paths)

    def build_own(self) -> None:
        self._build(has_all=False)

    def _build(self, *, has_all: bool) -> tuple[Sandbox, Handle]:
        sandbox = self._sandbox()
        if has_all not in self._built or self._built[has_all][0] is not sandbox:
            names = self._fallback_for if has_all else ()
            others = [import_module(f"functions.{name}").router for name in names]
            self._built[has_all] = sandbox, _adapter(sandbox.services, *self._routers, *others)
        return self._built[has_all]


def _adapter(services: Services, *routers: APIRouter) -> Handle:
    settings = services.settings
    app = build_app(*routers, cors_origins=settings.cors_origins, public_url=settings.public_url)
    app.state.services = services
    # "auto" would run start-up and shut-down on every invocation.
    edge = Edge(app, proxies=settings.trusted_proxies, hops=settings.trusted_hops)
    return Mangum(DeadlineGuard(edge), lifespan="off")


def _add_request_id(event: Event, context: Any) -> None:
    """A request without an id gets Lambda's, so that our log and Lambda's name the same call alike."""
    event.setdefault("headers", {}).setdefault("x-request-id", context.aws_request_id)


def _body_bytes(event: Event) -> int:
    body = event.get("body") or ""
    return len(body) * 3 // 4 if event.get("isBase64Encoded") else len(body)


def _needs_ticket(settings: Settings) -> UploadNeedsTicket:
    return UploadNeedsTicket(limit_mb=LARGEST_BODY // MB, ticket_mb=settings.max_job_upload_mb)


def _fits(answer: Answer) -> bool:
    """As Lambda counts it: JSON, in which a body that is JSON itself has grown by every quotation mark."""
    body = answer["body"]
    if len(body) < _LARGEST_ANSWER // 6:  # however it is written
        return True
    return len(json.dumps(body, ensure_ascii=False).encode()) <= _LARGEST_ANSWER


def _error_answer(event: Event, error: EscribaError) -> Answer:
    """The answer to a call that no router answered."""
    status, headers, body = error_answer(error, path=event["rawPath"], request_headers=event["headers"])
    return {
        "statusCode": status,
        "headers": {name.decode(): value.decode() for name, value in headers},
        "body": body.decode(),
        "isBase64Encoded": False,
    }
