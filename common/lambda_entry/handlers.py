"""The handlers that end the modules of functions/: one kind for each kind of event.

Making one imports and composes nothing: the container imports the same modules, and pays for none of it.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fastapi import APIRouter

    from common.settings import Settings

Event = dict[str, Any]
Answer = dict[str, Any]
Handle = Callable[[Event, Any], Answer]


class LambdaHandler:
    """Composes what it needs once a sandbox: in `prepare`, or else in its first call."""

    def __init__(self, compose: Callable[[], Handle]) -> None:
        self._compose = compose
        self._handle: Handle | None = None

    def prepare(self) -> None:
        if self._handle is None:
            from common.lambda_entry.telemetry import log_under_call_id

            self._handle = log_under_call_id(self._compose())

    def __call__(self, event: Event, context: Any) -> Answer:
        self.prepare()
        assert self._handle is not None
        return self._handle(event, context)


def http_handler(
    *routers: APIRouter, fallback_for: tuple[str, ...] = (), imports: tuple[str, ...] = ()
) -> LambdaHandler:
    """For HTTP API events (payload 2.0), through Mangum.

    `fallback_for` is for the function that API Gateway calls when no route matches: the other modules of
    functions/ that have routes. Knowing theirs, it answers 405 where a path exists and only the method is
    wrong, 404 elsewhere, and lists them all at /docs. `imports` are the modules that the container imports
    with the first request that needs them: a sandbox has the time while it starts.
    """

    def compose() -> Handle:
        from common.lambda_entry import http

        for name in imports:
            import_module(name)
        return http.make_handler(*routers, fallback_for=fallback_for)

    return LambdaHandler(compose)


def queue_handler() -> LambdaHandler:
    """For SQS events: each message brings a job to run, or says that a recording was posted to S3."""

    def compose() -> Handle:
        from common.lambda_entry import sqs

        return sqs.make_handler()

    return LambdaHandler(compose)


def schedule_handler() -> LambdaHandler:
    """For EventBridge's event of every minute."""

    def compose() -> Handle:
        from common.lambda_entry import schedule

        return schedule.make_handler()

    return LambdaHandler(compose)


def websocket_handler(may_connect: Callable[[str | None, str, Settings], bool]) -> LambdaHandler:
    """For WebSocket API events. `may_connect(origin, host, settings)` decides who is let in."""

    def compose() -> Handle:
        from common.lambda_entry import websocket

        return websocket.make_handler(may_connect)

    return LambdaHandler(compose)
