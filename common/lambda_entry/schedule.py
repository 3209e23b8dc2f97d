"""EventBridge, every minute: what time brings to jobs, and what nobody has confirmed or heard yet."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any

from common.delivery.dispatch import relay_all
from common.jobs.sweep import expire_jobs, requeue_overdue
from common.lambda_entry import loop
from common.lambda_entry.handlers import Answer, Event, LambdaHandler
from common.lambda_entry.sandbox import Sandbox, compose, once
from common.log import log

_LAST_SECONDS = 5.0
# Of the time left, what news that nobody has confirmed may take before those who watch have their turn.
_SHARE_OF_NEWS = 0.5


def handler_of() -> LambdaHandler:
    loop.ready()
    current = once(lambda: compose(delivers=True))
    current()

    def handler(event: Event, context: Any) -> Answer:  # noqa: ARG001 - a round is a round
        sandbox = current()
        until = sandbox.services.now() + context.get_remaining_time_in_millis() / 1000 - _LAST_SECONDS
        loop.run(_round(sandbox, until))
        return {}

    return handler


async def _round(sandbox: Sandbox, until: float) -> None:
    """Each step has its turn, whatever became of the others.

    What cannot be done now flies at the end, so that Lambda counts it; a minute later it may be done.
    """
    services = sandbox.services
    failed = [await _tried(requeue_overdue(services)), await _tried(expire_jobs(services))]
    news_until = services.now() + (until - services.now()) * _SHARE_OF_NEWS
    failed.append(await _tried(_news(sandbox, news_until)))
    failed.append(await _tried(sandbox.gateway.beat(until=until)))
    for error in failed:
        if error is not None:
            raise error


async def _news(sandbox: Sandbox, until: float) -> None:
    sandbox.require_keys()
    await relay_all(sandbox.services, until=until)


async def _tried(step: Coroutine[Any, Any, None]) -> Exception | None:
    try:
        await step
    except Exception as exc:  # noqa: BLE001 - the border: it is raised when the round has ended
        log("round.failed", level="ERROR", exc_info=exc)
        return exc
    return None
