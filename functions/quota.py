"""GET /quota: what a client has left, when it refills, and how long a recording would wait."""

from __future__ import annotations

import math
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from pydantic.alias_generators import to_camel

from common import errors
from common.access.caller import Caller, client_id
from common.http.app import ServicesDep, error_examples, json_response
from common.http.caller import Reader
from common.jobs.estimates import start_of_new
from common.jobs.limits import job_limits
from common.jobs.view import iso_time
from common.lambda_entry.handlers import http_handler
from common.services import Services
from common.token_bucket import Account

router = APIRouter(tags=["jobs"])

_A_NUMBER = errors.Sentence("a number, 0 or more", "un número, 0 o más")
_TIME = "2026-01-01T12:00:00.000Z"
_WINDOW = {"limit": 7200, "remaining": 5400.5, "fullAt": _TIME}
_EXAMPLE = {
    "engine": {"audioPerHour": _WINDOW, "requestsPerMinute": {"limit": 20, "remaining": 19, "fullAt": _TIME}},
    "client": {
        "requestsPerMinute": {"limit": 600, "remaining": 599, "fullAt": _TIME},
        "jobs": {"limit": 100, "used": 2},
        "pending": {"limit": 500, "used": 0},
        "storedBytes": {"limit": 1_048_576_000, "used": 3_145_728},
    },
    "forecast": {"minutes": 10, "startsAt": _TIME, "waitSeconds": 42},
}


@router.get(
    "/quota",
    summary="What you have left, and how long a recording would wait",
    response_model=None,
    responses={
        200: {
            "description": "`engine`: what its provider still allows, where it has limits; `client`: your "
            "limits, but for programs on the server's own machine; `forecast`: when a job with a recording "
            "of so many `minutes` would start, an estimate, where the queue can be listed",
            "content": {"application/json": {"example": _EXAMPLE}},
        },
        **error_examples(
            errors.OptionInvalid(option="minutes", expected=errors.Sentence("a number", "un número"))
        ),
    },
)
async def quota(
    services: ServicesDep,
    caller: Reader,
    minutes: Annotated[float, Query(ge=0, le=10_000, allow_inf_nan=False, description="of a recording")] = 10,
) -> Response:
    """Times are those at which nothing of a limit is used any more, if nothing else comes."""
    view: dict[str, Any] = {}
    if services.quota:
        view["engine"] = _windows(await services.quota.read(), services.now())
    if caller.is_limited:
        view["client"] = await _client_view(services, caller)
    client = client_id(caller.client, secret=services.key_secret)
    starts_at = await start_of_new(services, minutes * 60, client=client)
    if starts_at is not None:
        wait = max(0, math.ceil(starts_at - services.now()))
        view["forecast"] = {"minutes": minutes, "startsAt": iso_time(starts_at), "waitSeconds": wait}
    return json_response(view, headers={"Cache-Control": "no-store"})


async def _client_view(services: Services, caller: Caller) -> dict[str, Any]:
    now, client = services.now(), client_id(caller.client, secret=services.key_secret)
    limits, held = job_limits(caller.limits, services.settings), await services.jobs.held_by(client)
    view: dict[str, Any] = {
        "jobs": {"limit": limits.jobs, "used": held.jobs},
        "pending": {"limit": limits.pending, "used": held.pending},
        "storedBytes": {"limit": limits.stored_bytes, "used": held.stored_bytes},
    }
    if rate := services.rates.look(caller, now):
        full_at = iso_time(now + rate.full_in)
        view["requestsPerMinute"] = {"limit": rate.limit, "remaining": rate.remaining, "fullAt": full_at}
    own = (await services.for_client(client)).client_quota
    if own and own.limits:
        windows = _windows(await own.account.read(), now)
        view |= {to_camel(name): windows[to_camel(name)] for name in own.limits}
    return view


def _windows(account: Account, now: float) -> dict[str, Any]:
    current = account.advance(now)
    return {
        to_camel(name): {
            "limit": bucket.limit,
            "remaining": round(max(0.0, bucket.limit - bucket.used), 1),
            "fullAt": iso_time(now + bucket.used * bucket.period / bucket.limit),
        }
        for name, bucket in current.buckets.items()
    }


handler = http_handler(router)
