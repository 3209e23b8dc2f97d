"""/admin/deliveries: what does not reach Convex or a webhook, for admins: read, tried again."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import urlsplit

from fastapi import APIRouter, Request, Response

from common import errors
from common.admin.audit import record_action
from common.admin.directory import FIRST, write_cursor
from common.delivery import rules
from common.http.app import ServicesDep, error_examples, json_response
from common.http.caller import Admin
from common.http.query import A_CURSOR, describe_query, read_number, read_position, read_query
from common.jobs.ids import parse_job_id
from common.jobs.view import iso_time
from common.lambda_entry.handlers import http_handler
from common.models import Job
from common.ports import TARGETS, Delivery
from common.services import Services

router = APIRouter(prefix="/admin/deliveries", tags=["admin"])

_NO_STORE = {"Cache-Control": "no-store"}
_MOST, _USUAL = 200, 50
_QUERY: dict[str, dict[str, Any]] = {
    "limit": {"type": "integer", "minimum": 1, "maximum": _MOST, "default": _USUAL},
    "cursor": {"type": "string", "description": "`next` of the page before"},
}
_REFUSALS = (errors.KeyMissing(), errors.KeyInvalid(), errors.ScopeMissing(scope="admin"), errors.AccessOff())
_EXAMPLE = {
    "jobId": "6f1c1f0e-6c1f-4d0e-9a53-5d1f0a7f2f10",
    "target": "callback",
    "receiver": "example.com",
    "owner": "1a2b3c4d",
    "attempts": 4,
    "lastError": "answered 503",
    "nextAt": "2026-01-01T12:00:30.000Z",
}


@router.get(
    "",
    summary="Deliveries whose last try failed, the next try first",
    response_model=None,
    openapi_extra={"parameters": describe_query(_QUERY)},
    responses={
        200: {
            "description": "a page may be shorter than `limit` though more follow: `next` says so",
            "content": {"application/json": {"example": {"deliveries": [_EXAMPLE], "next": None}}},
        },
        **error_examples(*_REFUSALS, errors.OptionInvalid(option="cursor", expected=A_CURSOR)),
    },
)
async def list_failing(request: Request, services: ServicesDep, _: Admin) -> Response:
    """Those that the receiver refused for good are not among them: nobody tries them again by itself."""
    if services.admin.directory is None:
        raise errors.AccessOff
    values = read_query(request, _QUERY)
    limit = read_number(values, "limit", default=_USUAL, most=_MOST)
    page = await services.admin.directory.failing(after=read_position(values, FIRST), limit=limit)
    shown = {
        "deliveries": await _views(services, page.deliveries),
        "next": None if page.rest is None else write_cursor(page.rest),
    }
    return json_response(shown, headers=_NO_STORE)


@router.post(
    "/{job_id}/retry",
    summary="Try the deliveries of a job now",
    response_model=None,
    status_code=202,
    responses={
        202: {
            "description": "those that are not confirmed yet; a repeat is harmless",
            "content": {"application/json": {"example": {"deliveries": [_EXAMPLE]}}},
        },
        **error_examples(*_REFUSALS, errors.JobNotFound()),
    },
)
async def try_now(services: ServicesDep, admin: Admin, job_id: str) -> Response:
    """A webhook that has not answered for some tries keeps its pause, of 15 minutes at most."""
    job = await services.jobs.get(parse_job_id(job_id))
    now = services.now()
    await record_action(services.admin, "deliveries.retried", now=now, by=admin.name, target=job.job_id)
    found = [await services.jobs.delivery(job.job_id, target) for target in TARGETS]
    tried = [rules.hasten(delivery, now) for delivery in found if delivery and delivery.is_open]
    for delivery in tried:
        await services.jobs.settle(delivery)
    return json_response({"deliveries": [_view(job, delivery) for delivery in tried]}, 202, _NO_STORE)


async def _views(services: Services, deliveries: list[Delivery]) -> list[dict[str, Any]]:
    async def view(delivery: Delivery) -> dict[str, Any] | None:
        try:
            return _view(await services.jobs.get(delivery.job_id), delivery)
        except errors.JobNotFound:
            return None  # removed meanwhile, and its deliveries with it

    return [found for found in await asyncio.gather(*map(view, deliveries)) if found]


def _view(job: Job, delivery: Delivery) -> dict[str, Any]:
    """Of a webhook's address the host alone: the rest may hold a secret."""
    is_webhook = delivery.target == "callback" and job.callback_url is not None
    return {
        "jobId": delivery.job_id,
        "target": delivery.target,
        **({"receiver": urlsplit(job.callback_url).hostname} if is_webhook else {}),
        "owner": job.owner,
        "attempts": delivery.attempts,
        "lastError": delivery.last_error,
        "nextAt": iso_time(delivery.next_at),
    }


handler = http_handler(router)
