"""The lease of a job, renewed for as long as its run takes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from common.errors import EscribaError, StoreUnavailable
from common.ports import LeaseLost
from common.services import Services

_RENEWALS_A_LEASE = 3
# Seconds between two tries while the store is away: once it is back, others wait longer than that to take the
# job.
_AWAY_PAUSE = 1.0


@asynccontextmanager
async def keep_lease(services: Services, job_id: str, holder: str) -> AsyncIterator[None]:
    """Renew the lease while the body runs. When it is lost, cancel the body and raise LeaseLost."""
    body = asyncio.current_task()
    assert body is not None
    losses: list[LeaseLost] = []

    async def renew() -> None:
        try:
            await _renew_until_lost(services, job_id, holder)
        except LeaseLost as exc:
            losses.append(exc)
            body.cancel()

    renewing = asyncio.create_task(renew())
    try:
        yield
    except asyncio.CancelledError:
        if losses and body.uncancel() == 0:
            raise LeaseLost from losses[0]
        raise
    finally:
        renewing.cancel()
        with suppress(asyncio.CancelledError):
            await renewing


async def _renew_until_lost(services: Services, job_id: str, holder: str) -> None:
    """Raises LeaseLost. While the store is locked, the lease is ours for as long as it was taken.

    While the store is away nobody can take it: it is ours until the store answers otherwise.
    """
    seconds = services.settings.lease_seconds
    ours_until = services.now() + seconds
    pause = seconds / _RENEWALS_A_LEASE
    while True:
        await asyncio.sleep(pause)
        pause = seconds / _RENEWALS_A_LEASE
        now = services.now()
        try:
            await services.jobs.renew(job_id, holder, now=now, seconds=seconds)
            ours_until = now + seconds
        except StoreUnavailable:
            pause = min(pause, _AWAY_PAUSE)
        except EscribaError as exc:
            if services.now() >= ours_until:
                raise LeaseLost(job_id) from exc
