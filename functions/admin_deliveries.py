"""/admin/deliveries: what does not reach Convex or a webhook, for admins: read, tried again."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import urlsplit

from fastapi import APIRouter, Request, Response

from common import errors
from common.admin.audit import record_action
from common.admin.directory import FIRST
from common.delivery import rules
from common.http.app import ServicesDep, error_examples, json_response
from common.http.caller import Admin
from common.http.pages import A_CURSOR, A_SHORT_PAGE, PAGE_QUERY, page_response, read_page
from common.http.query import describe_query, read_query
from common.jobs.ids import parse_job_id
from common.jobs.view import iso_time
from common.lambda_entry.handlers import http_handler
from common.models import Job
from common.ports import TARGETS, Delivery
from common.services import Services

router = APIRouter(prefix="/admin/deliveries", tags=["admin"])

_NO_STORE = {"Cache-Control": "no-store"}
_REFUSALS = (errors.KeyMissing(), errors.KeyInvalid(), errors.ScopeMissing(scope="admin"), errors.AccessOff())
_EXAMPLE = {
    "jobId": "6f1c1f0e-6c1f-4d0e-9a53-5d1f0a7f2f10",
    "target": "callback",
    "receiver": "example.com",
    "owner": "1a2b3c4d",
    "state": "failing",
    "attempts": 4,
    "lastError": "answered 503",
    "nextAt": "2026-01-01T12:00:30.000Z",
}


@router.get(
    "",
    summary="Deliveries that fail or were refused, the next try first",
    response_model=None,
    openapi_extra={"parameters": describe_query(PAGE_QUERY)},
    responses={
        200: {
            "description": A_SHORT_PAGE,
            "content": {"application/json": {"example": {"deliveries": [_EXAMPLE], "next": None}}},
        },
        **error_examples(*_REFUSALS, errors.OptionInvalid(option="cursor", expected=A_CURSOR)),
    },
)
async def list_failing(request: Request, services: ServicesDep, _: Admin) -> Response:
    """Those that are `refused` stand by the time of that, without `nextAt`: nothing tries them again by
    itself.
    """
    if services.admin.directory is None:
        raise errors.AccessOff
    after, limit = read_page(read_query(request, PAGE_QUERY), FIRST)
    page = await services.admin.directory.failing(after=after, limit=limit)
    return page_response("deliveries", await _views(services, page.rows), page.rest)


@router.post(
    "/{job_id}/retry",
    summary="Try the deliveries of a job now",
    response_model=None,
    status_code=202,
    responses={
        202: {
            "description": "those that are not confirmed; a repeat is harmless",
            "content": {"application/json": {"example": {"deliveries": [_EXAMPLE]}}},
        },
        **error_examples(*_REFUSALS, errors.JobNotFound()),
    },
)
async def try_now(services: ServicesDep, admin: Admin, job_id: str) -> Response:
    """Also those that were refused, and to receivers that did not answer lately."""
    job = await services.jobs.get(parse_job_id(job_id))
    now = services.now()
    await record_action(services.admin, "deliveries.retried", now=now, by=admin.name, target=job.job_id)
    if any(delivery.is_refused for delivery in await _read(services, job)):
        await services.jobs.redeliver(job.job_id, now=now)  # who has it already ignores the repeat
    tried = [rules.ask(delivery) for delivery in await _read(services, job) if delivery.is_open]
    for delivery in tried:
        await services.jobs.settle(delivery)
    return json_response({"deliveries": [_view(job, each, now) for each in tried]}, 202, _NO_STORE)


async def _read(services: Services, job: Job) -> list[Delivery]:
    found = [await services.jobs.delivery(job.job_id, target) for target in TARGETS]
    return [delivery for delivery in found if delivery]


async def _views(services: Services, deliveries: list[Delivery]) -> list[dict[str, Any]]:
    async def view(delivery: Delivery) -> dict[str, Any] | None:
        try:
            return _view(await services.jobs.get(delivery.job_id), delivery, services.now())
        except errors.JobNotFound:
            return None  # removed meanwhile, and its deliveries with it

    return [found for found in await asyncio.gather(*map(view, deliveries)) if found]


def _view(job: Job, delivery: Delivery, now: float) -> dict[str, Any]:
    """Of a webhook's address the host alone: the rest may hold a secret."""
    is_webhook = delivery.target == "callback" and job.callback_url is not None
    return {
        "jobId": delivery.job_id,
        "target": delivery.target,
        **({"receiver": urlsplit(job.callback_url).hostname} if is_webhook else {}),
        "owner": job.owner,
        "state": "refused" if delivery.is_refused else "failing",
        "attempts": delivery.attempts,
        "lastError": delivery.last_error,
        **({} if delivery.is_refused else {"nextAt": iso_time(max(delivery.next_at, now))}),
    }


handler = http_handler(router)
