"""Telling targets how jobs stand where nothing runs for ever: beside a run, and in the minutely round."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from common.delivery.outbox import AT_ONCE, deliver
from common.errors import EscribaError
from common.log import log
from common.ports import TARGETS, Delivery, Target
from common.services import Services

_LOOK_EVERY = 1.0
_LAST_WORDS = 10.0


async def relay_all(services: Services, *, until: float) -> None:
    """Deliver what is due, each once, until nothing is or the time `until` has come."""
    relays = (_relay_to(services, target, until) for target in TARGETS)
    for failure in await asyncio.gather(*relays, return_exceptions=True):
        if failure is not None:
            raise failure


async def _relay_to(services: Services, target: Target, until: float) -> None:
    tried: set[str] = set()
    while services.now() < until:
        due = await services.jobs.deliveries(now=services.now(), limit=AT_ONCE + len(tried), target=target)
        fresh = [one for one in due if one.job_id not in tried][:AT_ONCE]
        if not fresh:
            return
        tried |= {one.job_id for one in fresh}
        await asyncio.gather(*(_deliver(services, one) for one in fresh))


@asynccontextmanager
async def relaying(services: Services, job_id: str) -> AsyncIterator[None]:
    """Tell this job's news while the body runs, and its last ones once it has ended."""
    telling = asyncio.create_task(_keep_telling(services, job_id))
    try:
        yield
    finally:
        telling.cancel()
        with suppress(asyncio.CancelledError):
            await telling
        with suppress(TimeoutError):
            async with asyncio.timeout(_LAST_WORDS):
                await _tell(services, job_id)


async def _keep_telling(services: Services, job_id: str) -> None:
    while services.senders:
        await _tell(services, job_id)
        await asyncio.sleep(_LOOK_EVERY)


async def _tell(services: Services, job_id: str) -> None:
    for target in services.senders:
        try:
            delivery = await services.jobs.delivery(job_id, target)
        except EscribaError:
            continue
        if delivery and _is_due(delivery, services.now()):
            await _deliver(services, delivery)


def _is_due(delivery: Delivery, now: float) -> bool:
    return delivery.wanted_seq > delivery.confirmed_seq and delivery.next_at <= now


async def _deliver(services: Services, delivery: Delivery) -> None:
    try:
        await deliver(services, delivery)
    except EscribaError as exc:
        log("relay.failed", level="WARNING", jobId=delivery.job_id, code=exc.code)
