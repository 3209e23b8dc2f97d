"""The lease of a job or of a task, renewed for as long as its run takes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

from common.errors import EscribaError, StoreUnavailable
from common.ports import LeaseLost
from common.services import Services

Renew = Callable[[float], Awaitable[None]]

_RENEWALS_A_LEASE = 3
# Seconds between two tries while the store is away: once it is back, others wait longer than that to take the
# job.
_AWAY_PAUSE = 1.0


@asynccontextmanager
async def keep_lease(services: Services, name: str, renew_at: Renew) -> AsyncIterator[None]:
    """Renew a lease by `renew_at(now)` while the body runs.

    When it is lost, cancel the body and raise LeaseLost of `name`.
    """
    body = asyncio.current_task()
    assert body is not None
    losses: list[LeaseLost] = []

    async def renew() -> None:
        try:
            await _renew_until_lost(services, name, renew_at)
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


async def _renew_until_lost(services: Services, name: str, renew_at: Renew) -> None:
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
            await renew_at(now)
            ours_until = now + seconds
        except StoreUnavailable:
            pause = min(pause, _AWAY_PAUSE)
        except EscribaError as exc:
            if services.now() >= ours_until:
                raise LeaseLost(name) from exc
