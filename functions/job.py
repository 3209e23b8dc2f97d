"""GET · DELETE /job/{id}, its /retry, /redeliver and /events: what a client does with a job."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Query, Request, Response

from common import errors
from common.http.app import ServicesDep, error_examples, json_response, language_of
from common.http.cache_header import cache_header
from common.http.caller import Reader, require
from common.http.disconnect import run_until_left
from common.http.etag import etag_of, is_known, known_seq
from common.http.job_events import JobEvents
from common.http.job_example import JOB_CONTENT
from common.http.job_id import JobId
from common.http.job_links import links_of, upload_of
from common.jobs.actions import discard, get_readable, retry
from common.jobs.estimates import start_of
from common.jobs.text_state import is_final
from common.jobs.view import View, job_view, sync_view
from common.jobs.watch import open_watch, parse_seq
from common.lambda_entry.handlers import http_handler
from common.models import Job
from common.services import Services

router = APIRouter(tags=["jobs"])

# Seconds; proxies and API Gateway close a connection after 30 without a byte.
_MAX_WAIT = 25.0

_HEADERS = {"Cache-Control": "no-store", "Vary": "Accept-Language"}


After = Annotated[int | None, Query(ge=0, description="the last `seq` you know")]


@router.get(
    "/job/{job_id}",
    summary="The state of a job, and its text once it is completed",
    response_model=None,
    responses={
        200: {
            "description": "the job; `result` when completed, and `speakers` while they are still to come; "
            "`error` when failed",
            **JOB_CONTENT,
        },
        304: {"description": "not changed since If-None-Match"},
        **error_examples(errors.JobNotFound(), errors.JobExpired(when="…"), errors.TooManyWatchers()),
    },
)
async def read_job(
    request: Request,
    services: ServicesDep,
    caller: Reader,
    job_id: JobId,
    *,
    wait: Annotated[
        float, Query(ge=0, allow_inf_nan=False, description="seconds to wait for a change, at most 25")
    ] = 0,
    after: After = None,
    if_none_match: Annotated[str | None, Header()] = None,
) -> Response:
    """With `wait` the response comes at the first change after `after`, If-None-Match, or this request."""
    job = await get_readable(services, job_id)
    known = after if after is not None else known_seq(if_none_match)
    is_wanted = known == job.seq or (
        known is None and not job.has_ended
    )  # a text is there: it is given at once
    if wait and not is_final(job) and is_wanted:
        await _wait_for_change(request, services, job, min(wait, _MAX_WAIT), caller.client)
        job = await get_readable(services, job_id)
    return await _respond_with_state(request, services, job, if_none_match)


async def _wait_for_change(
    request: Request, services: Services, job: Job, seconds: float, caller: str
) -> None:
    """Return at the first change of `job`, when the time is up, or when the client has left."""
    with suppress(TimeoutError):
        async with (
            asyncio.timeout(seconds),
            open_watch(services, job.job_id, after=job.seq, language="en", caller=caller) as watch,
        ):
            await run_until_left(watch.wait_for_change(), request.receive)


async def _respond_with_state(
    request: Request, services: Services, job: Job, if_none_match: str | None = None
) -> Response:
    delivery = await services.jobs.delivery(job.job_id, "convex")
    sync = sync_view(delivery) if delivery else None
    headers = {**_HEADERS, **cache_header(job.cached), "ETag": etag_of(job, sync)}
    if is_known(headers["ETag"], if_none_match):
        return Response(status_code=304, headers=headers)
    language = language_of(request)
    result = await services.jobs.result(job.job_id) if job.status == "completed" else None
    starts_at = await start_of(services, job)
    view = job_view(job, language=language, result=result, sync=sync, starts_at=starts_at)
    return json_response(view, headers=headers)


@router.delete(
    "/job/{job_id}",
    dependencies=[Depends(require("transcribe"))],
    summary="Cancel a job, or delete its audio and text",
    response_model=None,
    responses={
        200: {"description": "the job without them; a repeat is harmless", **JOB_CONTENT},
        **error_examples(errors.JobNotFound()),
    },
)
async def delete_job(request: Request, services: ServicesDep, job_id: JobId) -> Response:
    """Stops a run and deletes audio and text at once; the job itself remains readable for some time."""
    return _respond_with(request, await discard(services, job_id))


@router.post(
    "/job/{job_id}/retry",
    dependencies=[Depends(require("transcribe"))],
    summary="Run a failed or cancelled job again",
    response_model=None,
    status_code=202,
    responses={
        202: {
            "description": "queued, with its options and its completed pieces; or pending, with "
            "`upload`, where its audio was deleted",
            **JOB_CONTENT,
        },
        **error_examples(
            errors.JobNotFound(), errors.JobNotRetryable(status="completed"), errors.Paused(retry_after=60)
        ),
    },
)
async def retry_job(request: Request, services: ServicesDep, job_id: JobId) -> Response:
    """The same job in its next run; `seq` continues."""
    await services.admin.pause.check()
    job = await retry(services, job_id)
    links: View = links_of(job, request, services.settings)
    if job.status == "pending":
        links["upload"] = await upload_of(job, request, services)
    return _respond_with(request, job, links, status=202)


def _respond_with(request: Request, job: Job, links: View | None = None, *, status: int = 200) -> Response:
    language = language_of(request)
    return json_response({**job_view(job, language=language), **(links or {})}, status, _HEADERS)


@router.post(
    "/job/{job_id}/redeliver",
    dependencies=[Depends(require("transcribe"))],
    summary="Send a job to Convex and its callback again",
    response_model=None,
    status_code=202,
    responses={
        202: {"description": "it is sent at once", **JOB_CONTENT},
        **error_examples(errors.JobNotFound()),
    },
)
async def redeliver_job(request: Request, services: ServicesDep, job_id: JobId) -> Response:
    """For a receiver that was away so long that its deliveries count as rejected; otherwise harmless."""
    await services.jobs.redeliver(job_id, now=services.now())
    return _respond_with(request, await services.jobs.get(job_id), status=202)


@router.get(
    "/job/{job_id}/events",
    summary="A job as it changes, as server-sent events",
    response_model=None,
    responses={
        200: {
            "description": "`snapshot` first, or with Last-Event-ID or `after` the events since; then "
            "`state`, `progress` and `text`, each with its `seq`, until the job has ended and "
            "its speakers have come",
            "content": {
                "text/event-stream": {"example": 'id: 9\ndata: {"type":"state","seq":9,"job":{}}\n\n'}
            },
        },
        204: {"description": "it has ended and you have every event"},
        **error_examples(errors.JobNotFound(), errors.JobExpired(when="…"), errors.TooManyWatchers()),
    },
)
async def watch_job(
    request: Request,
    services: ServicesDep,
    caller: Reader,
    job_id: JobId,
    *,
    after: After = None,
    last_event_id: Annotated[str | None, Header()] = None,
) -> Response:
    """A reconnecting EventSource sends Last-Event-ID by itself, newer than the `after` of its address."""
    last_seq = parse_seq(last_event_id)
    known = after if last_seq is None else last_seq
    watch = open_watch(services, job_id, after=known, language=language_of(request), caller=caller.client)
    return JobEvents(watch, services.access.connections.hold(caller))


handler = http_handler(router)
