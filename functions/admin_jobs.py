"""/admin/jobs: the jobs of all clients, for admins: read, cancelled, run again, deleted."""

from __future__ import annotations

import math
import re
from typing import Any, get_args

from fastapi import APIRouter, Request, Response

from common import errors
from common.access.caller import Caller
from common.admin.audit import record_action
from common.admin.directory import (
    START,
    JobDirectory,
    JobFilter,
    list_jobs,
)
from common.http.app import ServicesDep, error_examples, json_response, language_of
from common.http.caller import Admin
from common.http.job_example import JOB_CONTENT
from common.http.pages import A_SHORT_PAGE, PAGE_QUERY, page_response, read_page
from common.http.query import describe_query, read_query, read_time
from common.jobs.actions import discard, retry, stop
from common.jobs.ids import parse_job_id
from common.jobs.view import job_view
from common.lambda_entry.handlers import http_handler
from common.models import Job, Status
from common.services import Services

router = APIRouter(prefix="/admin/jobs", tags=["admin"])

_NO_STORE = {"Cache-Control": "no-store"}
_STATUSES: tuple[Status, ...] = get_args(Status)
_STATUS_LIST = "(?:{0})(?:, ?(?:{0}))*".format("|".join(_STATUSES))
_QUERY: dict[str, dict[str, Any]] = {
    "status": {
        "type": "string",
        "pattern": f"^{_STATUS_LIST}$",
        "description": f"one or more of {', '.join(_STATUSES)}, between commas",
    },
    "owner": {"type": "string", "description": "keyId, or keyId/user of a token"},
    "userId": {"type": "string"},
    "since": {"type": "string", "format": "date-time", "description": "made then or later"},
    "until": {"type": "string", "format": "date-time", "description": "made then or earlier"},
    **PAGE_QUERY,
}
_REFUSALS = (
    errors.KeyMissing(),
    errors.KeyInvalid(),
    errors.ScopeMissing(scope="admin"),
    errors.AccessOff(),
)
_ONE_JOB: dict[int | str, dict[str, Any]] = error_examples(*_REFUSALS, errors.JobNotFound())


@router.get(
    "",
    summary="All jobs, newest first",
    response_model=None,
    openapi_extra={"parameters": describe_query(_QUERY)},
    responses={
        200: {
            "description": A_SHORT_PAGE,
            "content": {"application/json": {"example": {"jobs": [], "next": None}}},
        },
        **error_examples(*_REFUSALS, errors.OptionInvalid(option="status", expected=", ".join(_STATUSES))),
    },
)
async def list_all(request: Request, services: ServicesDep, _: Admin) -> Response:
    """Without their text. One request looks at a thousand jobs at most."""
    values = read_query(request, _QUERY)
    after, limit = read_page(values, START)
    page = await list_jobs(_directory(services), _filter(values), after=after, limit=limit)
    return page_response("jobs", [_view(job, request) for job in page.rows], page.rest)


@router.get(
    "/{job_id}",
    summary="One job, without its text",
    response_model=None,
    responses={200: {"description": "with its owner", **JOB_CONTENT}, **_ONE_JOB},
)
async def read_one(request: Request, services: ServicesDep, _: Admin, job_id: str) -> Response:
    """An expired one too."""
    return _respond(await services.jobs.get(parse_job_id(job_id)), request)


@router.post(
    "/{job_id}/cancel",
    summary="Cancel a job; its audio stays for a retry",
    response_model=None,
    responses={
        200: {"description": "the job; one that has ended is left as it is", **JOB_CONTENT},
        **_ONE_JOB,
    },
)
async def cancel(request: Request, services: ServicesDep, admin: Admin, job_id: str) -> Response:
    """Audio and pieces are kept as long as those of a failed job."""
    await _record(services, admin, "job.cancelled", job_id)
    return _respond(await stop(services, job_id), request)


@router.post(
    "/{job_id}/retry",
    summary="Run a failed or cancelled job again",
    response_model=None,
    status_code=202,
    responses={
        202: {"description": "queued, or pending where its audio is no longer kept", **JOB_CONTENT},
        **_ONE_JOB,
        **error_examples(errors.JobNotRetryable(status="completed"), errors.Busy(retry_after=30)),
    },
)
async def run_again(request: Request, services: ServicesDep, admin: Admin, job_id: str) -> Response:
    """Also while the server is paused."""
    await _record(services, admin, "job.retried", job_id)
    return _respond(await retry(services, job_id), request, status=202)


@router.delete(
    "/{job_id}",
    summary="Delete every trace of a job",
    response_model=None,
    responses={200: {"description": "the job as it was", **JOB_CONTENT}, **_ONE_JOB},
)
async def delete(request: Request, services: ServicesDep, admin: Admin, job_id: str) -> Response:
    """A run is stopped. Receivers that have not confirmed the job yet are not notified any more."""
    await _record(services, admin, "job.deleted", job_id)
    job = await discard(services, job_id)
    await services.jobs.remove(job_id)
    return _respond(job, request)


async def _record(services: Services, admin: Caller, action: str, job_id: str) -> None:
    """Raises JobNotFound."""
    job = await services.jobs.get(parse_job_id(job_id))
    await record_action(services.admin, action, now=services.now(), by=admin.name, target=job.job_id)


def _respond(job: Job, request: Request, *, status: int = 200) -> Response:
    return json_response(_view(job, request), status, _NO_STORE)


def _view(job: Job, request: Request) -> dict[str, Any]:
    return job_view(job, language=language_of(request)) | {"owner": job.owner}


def _directory(services: Services) -> JobDirectory:
    if services.admin.directory is None:
        raise errors.AccessOff
    return services.admin.directory


def _filter(values: dict[str, str]) -> JobFilter:
    names = values.get("status", "")
    if names and not re.fullmatch(_STATUS_LIST, names):
        raise errors.OptionInvalid(option="status", expected=", ".join(_STATUSES))
    return JobFilter(
        statuses=frozenset(status for status in _STATUSES if status in names.replace(" ", "").split(",")),
        owner=values.get("owner"),
        user_id=values.get("userId"),
        since=read_time(values, "since", default=-math.inf),
        until=read_time(values, "until", default=math.inf),
    )


handler = http_handler(router)
