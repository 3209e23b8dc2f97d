"""/admin: how the server is now, what clients used, the pause switch, and the log of what admins did."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

from fastapi import APIRouter, Request, Response

from common import errors
from common.admin.audit import record_action, store_of
from common.admin.store import AUDIT_LENGTH, Pause
from common.admin.usage import KEPT_DAYS, KEPT_HOURS, days_between, hours_until, usage_view
from common.http.app import ServicesDep, error_examples, json_response
from common.http.caller import Admin
from common.http.json_body import check_names, read_json
from common.http.openapi import exact_object
from common.http.query import describe_query, read_number, read_query
from common.jobs.view import iso_time
from common.lambda_entry.handlers import http_handler
from common.monitoring.events import NowEvents
from common.monitoring.now import read_now
from common.monitoring.view import NOW_EXAMPLE, now_view

router = APIRouter(prefix="/admin", tags=["admin"])

_NO_STORE = {"Cache-Control": "no-store"}
_LONGEST_REASON = 200
_REFUSALS = (errors.KeyMissing(), errors.KeyInvalid(), errors.ScopeMissing(scope="admin"), errors.AccessOff())
_A_REASON = errors.Sentence("at most 200 characters", "como máximo 200 caracteres")
_DAYS = {
    "from": {"type": "string", "format": "date", "description": "by default a week before `to`"},
    "to": {"type": "string", "format": "date", "description": "by default today (UTC)"},
    "key": {"type": "string", "description": "only of this keyId; `anonymous` without a key, `admin`"},
}
_HOURS = {"hours": {"type": "integer", "minimum": 1, "maximum": KEPT_HOURS, "default": 24}}
_AUDIT = {"limit": {"type": "integer", "minimum": 1, "maximum": AUDIT_LENGTH, "default": 100}}
_USAGE = {
    "requests": 120,
    "jobs": 4,
    "audioSeconds": 5231.4,
    "failures": {"audio_unreadable": 1},
    "latency": {"0.1": 110, "2.5": 10},
}
_PAUSED = {"paused": True, "since": "2026-01-01T12:00:00.000Z", "by": "admin", "reason": "maintenance"}


def _example(view: dict[str, Any], description: str = "") -> dict[str, Any]:
    return {"description": description, "content": {"application/json": {"example": view}}}


# ── now ───────────────────────────────────────────────────────────────────────────────────────────


@router.get(
    "/now",
    summary="Queue, quota, deliveries, limits and storage as they are",
    response_model=None,
    responses={
        200: _example(NOW_EXAMPLE, "a second old at most; `memoryBytes` is of this process"),
        **error_examples(*_REFUSALS),
    },
)
async def show_now(services: ServicesDep, _: Admin) -> Response:
    """However many look, the store is asked once a second at most; an idle database is left asleep."""
    return json_response(now_view(services, await read_now(services)), headers=_NO_STORE)


@router.get(
    "/now/events",
    summary="The same as it changes, as server-sent events",
    response_model=None,
    responses={
        200: {
            "description": "at once, then when something changes, and now and then where nothing does",
            "content": {"text/event-stream": {"example": 'data: {"at":"2026-01-01T12:00:00.000Z"}\n\n'}},
        },
        **error_examples(*_REFUSALS, errors.TooManyWatchers()),
    },
)
async def watch_now(services: ServicesDep, admin: Admin) -> Response:
    """It takes a watcher's place."""
    return NowEvents(services, admin)


# ── usage ─────────────────────────────────────────────────────────────────────────────────────────


@router.get(
    "/usage",
    summary="Usage by access key and day",
    response_model=None,
    openapi_extra={"parameters": describe_query(_DAYS)},
    responses={
        200: _example(
            {"usage": [{"day": "2026-01-31", "keyId": "1a2b3c4d", **_USAGE}]},
            "oldest first; `latency` counts requests by the seconds until the answer began, each under its "
            "bucket's upper bound, the last one `more`",
        ),
        **error_examples(*_REFUSALS, errors.OptionInvalid(option="from", expected="2026-01-31")),
    },
)
async def show_usage(request: Request, services: ServicesDep, _: Admin) -> Response:
    """Days are kept for 100 days. What the last seconds brought may not be in it yet."""
    values = read_query(request, _DAYS)
    last = _day(values, "to", default=datetime.fromtimestamp(services.now(), UTC).date())
    first = _day(values, "from", default=max(date.min + timedelta(days=6), last) - timedelta(days=6))
    if not 0 <= (last - first).days < KEPT_DAYS:
        raise errors.OptionInvalid(option="from", expected=f"to − {KEPT_DAYS - 1} … to")
    periods = days_between(first, last)
    entries = usage_view(await store_of(services.admin).read_usage(periods), periods)
    wanted = [entry for entry in entries if values.get("key") in {None, entry.get("keyId")}]
    return json_response({"usage": wanted}, headers=_NO_STORE)


@router.get(
    "/usage/hours",
    summary="Usage by hour, of all clients together",
    response_model=None,
    openapi_extra={"parameters": describe_query(_HOURS)},
    responses={
        200: _example({"usage": [{"hour": "2026-01-31T09", **_USAGE}]}, "oldest first"),
        **error_examples(*_REFUSALS, errors.OptionInvalid(option="hours", expected=f"1 … {KEPT_HOURS}")),
    },
)
async def show_hours(request: Request, services: ServicesDep, _: Admin) -> Response:
    """Hours are kept for 14 days; hours without any usage are not among them."""
    count = read_number(read_query(request, _HOURS), "hours", default=24, most=KEPT_HOURS)
    periods = hours_until(services.now(), count)
    entries = usage_view(await store_of(services.admin).read_usage(periods), periods)
    return json_response({"usage": entries}, headers=_NO_STORE)


def _day(values: dict[str, str], name: str, *, default: date) -> date:
    """ISO 8601 knows other spellings of a day, OpenAPI's `date` only this one."""
    if name not in values:
        return default
    try:
        day = date.fromisoformat(values[name])
    except ValueError:
        day = None
    if day is None or day.isoformat() != values[name]:
        raise errors.OptionInvalid(option=name, expected="2026-01-31")
    return day


# ── the pause switch ──────────────────────────────────────────────────────────────────────────────


@router.get(
    "/pause",
    summary="Whether the server accepts something new",
    response_model=None,
    responses={200: _example({"paused": False}), **error_examples(*_REFUSALS)},
)
async def show_pause(services: ServicesDep, _: Admin) -> Response:
    """As this process knows it: another one's change is known within ten seconds."""
    return json_response(_pause_view(await services.admin.pause.read()), headers=_NO_STORE)


@router.put(
    "/pause",
    summary="Accept nothing new",
    response_model=None,
    openapi_extra={
        "requestBody": {"content": exact_object({"reason": {"type": ["string", "null"], "maxLength": 200}})}
    },
    responses={
        200: _example(_PAUSED, "requests for new work are answered 503 `paused`, everywhere in ten seconds"),
        **error_examples(*_REFUSALS, errors.OptionInvalid(option="reason", expected=_A_REASON)),
    },
)
async def pause(request: Request, services: ServicesDep, admin: Admin) -> Response:
    """What was accepted goes on, and jobs can be read. It outlasts a restart."""
    body = await read_json(request) if await request.body() else {}
    check_names(body, ("reason",))
    now, reason = services.now(), body.get("reason")
    if reason is not None and not (isinstance(reason, str) and len(reason) <= _LONGEST_REASON):
        raise errors.OptionInvalid(option="reason", expected=_A_REASON)
    await record_action(services.admin, "paused", now=now, by=admin.name, target=reason)
    await services.admin.pause.change(Pause(since=now, by=admin.name, reason=reason))
    return json_response(_pause_view(services.admin.pause.known), headers=_NO_STORE)


@router.delete(
    "/pause",
    summary="Accept new work again",
    response_model=None,
    responses={200: _example({"paused": False}, "a repeat is harmless"), **error_examples(*_REFUSALS)},
)
async def resume(services: ServicesDep, admin: Admin) -> Response:
    """Everywhere within ten seconds."""
    await record_action(services.admin, "resumed", now=services.now(), by=admin.name)
    await services.admin.pause.change(None)
    return json_response(_pause_view(None), headers=_NO_STORE)


def _pause_view(current: Pause | None) -> dict[str, Any]:
    if current is None:
        return {"paused": False}
    reason = {"reason": current.reason} if current.reason else {}
    return {"paused": True, "since": iso_time(current.since), "by": current.by, **reason}


# ── the log of actions ────────────────────────────────────────────────────────────────────────────


@router.get(
    "/audit",
    summary="What admins did, newest first",
    response_model=None,
    openapi_extra={"parameters": describe_query(_AUDIT)},
    responses={
        200: _example(
            {
                "actions": [
                    {
                        "at": "2026-01-01T12:00:00.000Z",
                        "by": "admin",
                        "action": "key.created",
                        "target": "1a2b3c4d",
                    }
                ]
            },
            "the newest thousand are kept",
        ),
        **error_examples(*_REFUSALS, errors.OptionInvalid(option="limit", expected=f"1 … {AUDIT_LENGTH}")),
    },
)
async def show_audit(request: Request, services: ServicesDep, _: Admin) -> Response:
    """An action is written before it is done."""
    limit = read_number(read_query(request, _AUDIT), "limit", default=100, most=AUDIT_LENGTH)
    entries = await store_of(services.admin).read_audit(limit=limit)
    actions = [entry.model_dump(exclude_none=True) | {"at": iso_time(entry.at)} for entry in entries]
    return json_response({"actions": actions}, headers=_NO_STORE)


handler = http_handler(router)
