"""How the server is right now: queue, deliveries, quota, storage, what this process holds."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from common.admin.directory import Activity
from common.admin.store import Pause
from common.errors import EscribaError
from common.jobs.estimates import start_of_new
from common.quota import Quota
from common.services import Services

# Seconds: a reading does not wait longer for a store.
_STORE_TIMEOUT = 2.0
# Seconds of the recording whose start is forecast, and between two looks at the whole queue for that.
FORECAST_SECONDS, _FORECAST_EVERY = 600.0, 12.0


@dataclass(frozen=True, slots=True)
class Now:
    """`activity` is None where the store was not asked or did not answer, `quota` where there is none.

    `starts_at` is when a recording of ten minutes would start, None where nobody can tell.
    """

    at: float
    store_answers: bool
    activity: Activity | None
    quota: Quota | None
    pause: Pause | None
    storage_bytes: int | None
    starts_at: float | None


async def read_now(services: Services, *, max_age: float | None = None) -> Now:
    """At most one reading a second, however many ask; or one that is `max_age` seconds old at most.

    An idle database is left asleep.
    """
    now: Now = await services.readings.get(lambda: _read(services), seconds=max_age)
    return now


async def _read(services: Services) -> Now:
    activity, quota, starts_at, answers = None, None, None, not services.store_status().problem
    if answers and not services.store_status().is_idle:
        try:
            async with asyncio.timeout(_STORE_TIMEOUT):
                activity = await _activity(services)
                quota = await _quota(services)
                starts_at = await start_of_new(services, FORECAST_SECONDS, max_age=_FORECAST_EVERY)
        except (EscribaError, TimeoutError):
            answers = False
    return Now(
        at=services.now(),
        store_answers=answers,
        activity=activity,
        quota=quota,
        pause=await services.admin.pause.read() if answers else services.admin.pause.known,
        storage_bytes=services.audio.used_bytes,
        starts_at=starts_at,
    )


async def _activity(services: Services) -> Activity | None:
    directory = services.admin.directory
    return await directory.activity(now=services.now()) if directory else None


async def _quota(services: Services) -> Quota | None:
    if services.quota is None:
        return None
    return (await services.quota.read()).advance(services.now())
