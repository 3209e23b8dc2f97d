"""What AWS Lambda calls: one kind of handler for each kind of event. The only room that composes common.aws.

Nothing is imported or composed until the first call: the container imports the same modules and pays for
none of it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fastapi import APIRouter

    from common.settings import Settings

Event = dict[str, Any]
Answer = dict[str, Any]
LambdaHandler = Callable[[Event, Any], Answer]


def http_handler(*routers: APIRouter, nowhere_but: tuple[str, ...] = ()) -> LambdaHandler:
    """For HTTP API events (payload 2.0), through Mangum.

    Who is called for what is routed nowhere names the other modules of functions/ that have routes: with
    theirs it tells a method that is not allowed from an address that is unknown, and lists them all at /docs.
    """

    def made() -> LambdaHandler:
        from common.lambda_entry import http

        return http.handler_of(*routers, nowhere_but=nowhere_but)

    return _Once(made)


def queue_handler() -> LambdaHandler:
    """For SQS events: each message brings a job to run, or says that a recording has come."""

    def made() -> LambdaHandler:
        from common.lambda_entry import sqs

        return sqs.handler_of()

    return _Once(made)


def schedule_handler() -> LambdaHandler:
    """For EventBridge's rounds, every minute."""

    def made() -> LambdaHandler:
        from common.lambda_entry import schedule

        return schedule.handler_of()

    return _Once(made)


def websocket_handler(is_welcome: Callable[[str | None, str, Settings], bool]) -> LambdaHandler:
    """For WebSocket API events. `is_welcome(origin, host, settings)` judges who connects."""

    def made() -> LambdaHandler:
        from common.lambda_entry import websocket

        return websocket.handler_of(is_welcome)

    return _Once(made)


class _Once:
    """Composed by the first call of a sandbox, or before it by `begin`, for all of them."""

    def __init__(self, make: Callable[[], LambdaHandler]) -> None:
        self._make = make
        self._made: LambdaHandler | None = None

    def begin(self) -> None:
        if self._made is None:
            from common.lambda_entry.telemetry import correlated

            self._made = correlated(self._make())

    def __call__(self, event: Event, context: Any) -> Answer:
        self.begin()
        assert self._made is not None
        return self._made(event, context)
