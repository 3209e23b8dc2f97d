"""EventBridge, every minute: what time brings to jobs, and what nobody has confirmed or heard yet."""

from __future__ import annotations

from typing import Any

from common.jobs.relaying import relay_all
from common.jobs.sweep import sweep
from common.lambda_entry import Answer, Event, LambdaHandler, loop
from common.lambda_entry.compose import Sandbox, compose

_LAST_SECONDS = 5.0


def handler_of() -> LambdaHandler:
    loop.ready()
    sandbox = compose(delivers=True)

    def handler(event: Event, context: Any) -> Answer:  # noqa: ARG001 - a round is a round
        until = sandbox.services.now() + context.get_remaining_time_in_millis() / 1000 - _LAST_SECONDS
        loop.run(_round(sandbox, until))
        return {}

    return handler


async def _round(sandbox: Sandbox, until: float) -> None:
    """What cannot be done now flies, so that Lambda counts it; a minute later it may be done."""
    await sweep(sandbox.services)
    await sandbox.gateway.beat(until=until)
    await relay_all(sandbox.services, until=until)
