"""EventBridge, every minute: the sweep of jobs, the deliveries that are not confirmed yet, signs of life."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any

from common.delivery.dispatch import deliver_pending
from common.jobs.sweep import expire_jobs, requeue_overdue
from common.lambda_entry import loop
from common.lambda_entry.emf import write_counters
from common.lambda_entry.handlers import Answer, Event, Handle
from common.lambda_entry.sandbox import Sandbox, compose, compose_once
from common.log import log

_RESERVED_SECONDS = 5.0
# Deliveries may take this share of the time that is left; watchers have the rest.
_DELIVERIES_SHARE = 0.5


def make_handler() -> Handle:
    loop.current()
    sandbox = compose_once(lambda: compose(sends_deliveries=True))
    sandbox()

    def handle(event: Event, context: Any) -> Answer:  # noqa: ARG001 - all events are alike
        left = context.get_remaining_time_in_millis() / 1000 - _RESERVED_SECONDS
        current = sandbox()
        try:
            loop.run(_do_all(current, until=current.services.now() + left))
        finally:
            write_counters(current.services)
        return {}

    return handle


async def _do_all(sandbox: Sandbox, *, until: float) -> None:
    """Every step is tried, whatever became of the others.

    The first error is raised at the end, so that Lambda counts the call as failed; the next one may succeed.
    """
    services = sandbox.services
    errors = [await _try(requeue_overdue(services)), await _try(expire_jobs(services))]
    deliveries_until = services.now() + (until - services.now()) * _DELIVERIES_SHARE
    errors.append(await _try(_send_deliveries(sandbox, until=deliveries_until)))
    errors.append(await _try(sandbox.gateway.ping_watchers(until=until)))
    for error in errors:
        if error is not None:
            raise error


async def _send_deliveries(sandbox: Sandbox, *, until: float) -> None:
    sandbox.require_keys()
    await deliver_pending(sandbox.services, until=until)


async def _try(step: Coroutine[Any, Any, None]) -> Exception | None:
    try:
        await step
    except Exception as exc:  # noqa: BLE001 - the border: `_do_all` raises it at the end
        log("round.failed", level="ERROR", exc_info=exc)
        return exc
    return None
