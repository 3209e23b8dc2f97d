"""POST /transcribe-job: accepts a recording, responds at once, transcribes it in the background.

A form brings the audio with it. After JSON, the response says where to post the audio, in the same shape on
both deployment targets: POST /job/{id}/audio of the container, S3 on AWS.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request, Response

from common import errors
from common.access.caller import Caller
from common.delivery.webhook_url import check_callback_url
from common.http.app import ServicesDep, error_examples, json_response
from common.http.caller import Transcriber
from common.http.disconnect import body_of
from common.http.job_links import links_of, upload_of
from common.http.job_request import JOB_FIELDS, KEY, parse_job_request
from common.http.json_body import form_fields, read_json
from common.http.openapi import body, form, json_object
from common.http.options import FORM_FIELDS, FORM_RULES, TIMESTAMPS
from common.jobs.submit import check_queue_length, create_pending, submit
from common.lambda_entry.handlers import http_handler
from common.models import Audio
from common.services import Services
from common.upload.receive import receive

router = APIRouter(tags=["jobs"])

_JSON = json_object({**FORM_FIELDS, **JOB_FIELDS, "timestamps": TIMESTAMPS}, **FORM_RULES)

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
        **body(form({**FORM_FIELDS, **JOB_FIELDS}, **FORM_RULES), _JSON),
        "parameters": [
            {
                "name": "Idempotency-Key",
                "in": "header",
                "schema": {"type": "string", "pattern": f"^{KEY.pattern}$"},
                "description": "instead of jobId: the same key and content is the same job; "
                "make it hard to guess, since a client that sends the same key gets the same job",
            }
        ],
    },
    responses={
        202: {
            "description": "accepted: job and audio are stored durably",
            "content": {"application/json": {"example": {**_LINKS, "status": "queued"}}},
        },
        201: {
            "description": "pending: post the audio to upload.url, with upload.fields first and `file` last",
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
            errors.Busy(retry_after=30),
            errors.StorageFull(),
        ),
    },
)
async def transcribe_job(request: Request, services: ServicesDep, caller: Transcriber) -> Response:
    """The same jobId or Idempotency-Key with the same content is the same job; with other content, 409."""
    await check_queue_length(services)
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "application/json":
        return await _expect(request, services, caller)
    return await _accept(request, services, caller)


async def _accept(request: Request, services: Services, caller: Caller) -> Response:
    limit = services.settings.max_job_upload_bytes
    with tempfile.TemporaryDirectory(dir=services.scratch, prefix="job-") as folder:
        upload = await receive(body_of(request), request.headers, Path(folder), max_bytes=limit, digest=True)
        assert upload.sha256 is not None
        audio = Audio(size_bytes=upload.size_bytes, sha256=upload.sha256, filename=upload.filename)
        job_request = parse_job_request(
            upload.fields, request, services, caller, check_callback_url=check_callback_url
        )
        job = await submit(services, job_request, upload.path, audio)
    links = links_of(job, request, services.settings)
    return json_response(links, 202, {"Location": links["statusUrl"]})


async def _expect(request: Request, services: Services, caller: Caller) -> Response:
    fields = form_fields(await read_json(request))
    job = await create_pending(
        services, parse_job_request(fields, request, services, caller, check_callback_url=check_callback_url)
    )
    links: dict[str, Any] = links_of(job, request, services.settings)
    if job.status == "pending":
        links["upload"] = await upload_of(job, request, services)
    return json_response(links, 201, {"Location": links["statusUrl"]})


handler = http_handler(router)
