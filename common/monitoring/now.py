"""How the server is right now: queue, deliveries, quota, storage, what this process holds."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from common.admin.directory import Activity
from common.admin.store import Pause
from common.errors import EscribaError
from common.quota import Quota
from common.services import Services

# Seconds: a reading does not wait longer for a store.
_STORE_TIMEOUT = 2.0


@dataclass(frozen=True, slots=True)
class Now:
    """`activity` is None where the store was not asked or did not answer, `quota` where there is none."""

    at: float
    store_answers: bool
    activity: Activity | None
    quota: Quota | None
    pause: Pause | None
    storage_bytes: int | None


async def read_now(services: Services) -> Now:
    """At most one reading a second, however many ask. An idle database is left asleep."""
    now: Now = await services.readings.get(lambda: _read(services))
    return now


async def _read(services: Services) -> Now:
    activity, quota, answers = None, None, not services.store_status().problem
    if answers and not services.store_status().is_idle:
        try:
            async with asyncio.timeout(_STORE_TIMEOUT):
                activity = await _activity(services)
                quota = await _quota(services)
        except (EscribaError, TimeoutError):
            answers = False
    return Now(
        at=services.now(),
        store_answers=answers,
        activity=activity,
        quota=quota,
        pause=await services.admin.pause.read() if answers else services.admin.pause.known,
        storage_bytes=services.audio.used_bytes,
    )


async def _activity(services: Services) -> Activity | None:
    directory = services.admin.directory
    return await directory.activity(now=services.now()) if directory else None


async def _quota(services: Services) -> Quota | None:
    if services.quota is None:
        return None
    return (await services.quota.read()).advance(services.now())
