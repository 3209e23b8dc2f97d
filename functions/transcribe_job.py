"""POST /transcribe-job: accepts a recording, responds at once, transcribes it in the background.

A form brings the audio with it, or the `url` at which the job will fetch it. After JSON without one, the
response says where to post the audio, in the same shape on both deployment targets: POST /job/{id}/audio of
the container, S3 on AWS.
"""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request, Response

from common import errors
from common.access.caller import Caller, client_id
from common.delivery.webhook_url import check_callback_url
from common.download.address import parse_address
from common.http.app import ServicesDep, error_examples, json_response
from common.http.caller import Transcriber
from common.http.disconnect import declared_bytes
from common.http.job_links import links_of, upload_of
from common.http.job_request import JOB_FIELDS, KEY_SCHEMA, parse_job_request
from common.http.openapi import URL, json_object, recording_form, request_body
from common.http.options import FORM_FIELDS, JSON_FIELDS, OPTION_RULES
from common.http.recording import receive_request, take_url
from common.jobs.estimates import start_of
from common.jobs.limits import check_job_limits, check_pending_limits
from common.jobs.submit import JobRequest, create_pending, submit, submit_url
from common.jobs.view import iso_time
from common.lambda_entry.handlers import http_handler
from common.models import Audio, Job
from common.services import Services
from common.settings import Settings
from common.upload.fields import MULTIPART, Fields, media_type
from common.upload.receive import Upload

router = APIRouter(tags=["jobs"])

_MAX_SIZE = 10**15
_A_SIZE = errors.Sentence("a whole number of bytes", "un número entero de bytes")
_SIZE: dict[str, Any] = {
    "type": "integer",
    "minimum": 1,
    "maximum": _MAX_SIZE - 1,
    "description": "of the file: it is checked at once, and the file can go into a bucket where there is one",
}
# Without a `url` the recording comes later.
_LATER = {**URL, "minLength": 0}
_BODY = request_body(
    recording_form({**FORM_FIELDS, **JOB_FIELDS}, **OPTION_RULES),
    json_object({"url": _LATER, **JSON_FIELDS, **JOB_FIELDS, "sizeBytes": _SIZE}, **OPTION_RULES),
)

_LINKS = {
    "jobId": "6f1c1f0e-6c1f-4d0e-9a53-5d1f0a7f2f10",
    "statusUrl": "https://api.example.com/job/6f1c1f0e-6c1f-4d0e-9a53-5d1f0a7f2f10",
    "eventsUrl": "https://api.example.com/job/6f1c1f0e-6c1f-4d0e-9a53-5d1f0a7f2f10/events",
    "websocketUrl": "wss://api.example.com/ws/transcription/6f1c1f0e-6c1f-4d0e-9a53-5d1f0a7f2f10",
}
_UPLOAD = {
    "url": "https://api.example.com/job/6f1c1f0e-6c1f-4d0e-9a53-5d1f0a7f2f10/audio?expires=…&signature=…",
    "fields": {},
    "expiresAt": "2026-01-01T12:15:00.000Z",
}


@router.post(
    "/transcribe-job",
    summary="Transcribe a recording in the background",
    response_model=None,
    status_code=202,
    openapi_extra={
        **_BODY,
        "parameters": [
            {
                "name": "Idempotency-Key",
                "in": "header",
                "schema": KEY_SCHEMA,
                "description": "instead of jobId: the same key and content is the same job; "
                "it belongs to its caller: an access key, else X-Client-Token, else the address",
            },
            {
                "name": "X-Client-Token",
                "in": "header",
                "schema": KEY_SCHEMA,
                "description": "a random text that a client without an access key sends with each "
                "Idempotency-Key, so that keys stay its own where its address changes or is shared",
            },
        ],
    },
    responses={
        202: {
            "description": "accepted: job and audio are stored durably; from a `url`, the job fetches it",
            "content": {"application/json": {"example": {**_LINKS, "status": "queued"}}},
        },
        201: {
            "description": "pending: post the audio to upload.url, upload.fields first and `file` last; or, "
            "where upload.directUrl is given, PUT it there, then post upload.fields as JSON to upload.url",
            "content": {"application/json": {"example": {**_LINKS, "status": "pending", "upload": _UPLOAD}}},
        },
        **error_examples(
            errors.BodyMalformed(problem="no boundary"),
            errors.UploadTooSlow(),
            errors.JobConflict(),
            errors.UploadTooLarge(limit_mb=200),
            errors.EncodingUnsupported(),
            errors.MediaTypeUnsupported(),
            errors.FileMissing(),
            errors.FileRepeated(),
            errors.FileEmpty(),
            errors.OptionUnknown(option="lang", known="…"),
            errors.OptionInvalid(option="jobId", expected="a UUID"),
            errors.LanguageUnknown(language="klingon"),
            errors.SpeakersUnavailable(),
            errors.TooManyRequests(retry_after=2, whose=errors.YOUR_KEY, limit=600),
            errors.TooManyJobs(retry_after=30, whose=errors.YOUR_ADDRESS, limit=100),
            errors.TooManyUploadsExpected(retry_after=900, whose=errors.YOUR_ADDRESS, limit=500),
            errors.TooMuchStored(retry_after=30, whose=errors.YOUR_ADDRESS, limit=1000),
            errors.Busy(retry_after=30),
            errors.Paused(retry_after=60),
            errors.StorageFull(),
            errors.UrlNotPublic(),
        ),
    },
)
async def transcribe_job(request: Request, services: ServicesDep, caller: Transcriber) -> Response:
    """The same jobId or Idempotency-Key with the same content is the same job; with other content, 409."""
    await services.admin.pause.check()
    client = client_id(caller.client, secret=services.key_secret)
    await check_job_limits(services, client, size_bytes=declared_bytes(request))
    with tempfile.TemporaryDirectory(dir=services.scratch, prefix="job-") as folder:
        limit = services.settings.max_job_upload_bytes
        received = await receive_request(request, Path(folder), max_bytes=limit, digest=True)
        if isinstance(received, Upload):
            job_request = _parse(received.fields, request, services, caller)
            return await _accepted(await _submit(services, job_request, received), request, services)
    url, fields = take_url(received)
    if url is None and media_type(request.headers.get("content-type")) == MULTIPART:
        raise errors.FileMissing
    job_request = _parse(fields, request, services, caller)
    if url is None:
        await check_pending_limits(services, client)
        return await _expect(request, services, job_request, _size_bytes(fields, services.settings))
    parse_address(url, private_allowed=services.settings.download_private_addresses)
    return await _accepted(await submit_url(services, replace(job_request, url=url)), request, services)


def _parse(fields: Fields, request: Request, services: Services, caller: Caller) -> JobRequest:
    return parse_job_request(fields, request, services, caller, check_callback_url=check_callback_url)


async def _submit(services: Services, job_request: JobRequest, upload: Upload) -> Job:
    assert upload.sha256 is not None
    audio = Audio(size_bytes=upload.size_bytes, sha256=upload.sha256, filename=upload.filename)
    return await submit(services, job_request, upload.path, audio)


async def _accepted(job: Job, request: Request, services: Services) -> Response:
    links = links_of(job, request, services.settings)
    if (starts_at := await start_of(services, job)) is not None:
        links["startsAt"] = iso_time(starts_at)
    return json_response(links, 202, {"Location": links["statusUrl"]})


async def _expect(request: Request, services: Services, job_request: JobRequest, size_bytes: int) -> Response:
    job = await create_pending(services, job_request)
    links: dict[str, Any] = links_of(job, request, services.settings)
    if job.status == "pending":
        links["upload"] = await upload_of(job, request, services, size_bytes=size_bytes)
    return json_response(links, 201, {"Location": links["statusUrl"]})


def _size_bytes(fields: Fields, settings: Settings) -> int:
    """How many bytes the client is about to send; 0 where it did not say so.

    Raises OptionInvalid, and what an upload of that size would meet: FileEmpty, UploadTooLarge.
    """
    text = dict(fields).get("sizeBytes", "").strip()
    if not text:
        return 0
    if not (text.isascii() and text.isdigit() and int(text[:16]) < _MAX_SIZE):
        raise errors.OptionInvalid(option="sizeBytes", expected=_A_SIZE)
    if not int(text):
        raise errors.FileEmpty
    if int(text) > settings.max_job_upload_bytes:
        raise errors.UploadTooLarge(limit_mb=settings.max_job_upload_mb)
    return int(text)


handler = http_handler(router)
