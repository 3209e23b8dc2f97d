"""POST /transcribe-job: accepts a recording, responds at once, transcribes it in the background.

A form brings the audio with it, or the `url` at which the job will fetch it. After JSON without one, the
response says where to post the audio, in the same shape on both deployment targets: POST /job/{id}/audio of
the container, S3 on AWS.
"""

from __future__ import annotations

import re
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request, Response

from common import errors
from common.delivery.webhook_url import check_callback_url
from common.download.address import parse_address
from common.http.app import ServicesDep, error_examples, json_response, language_of
from common.http.job_links import links_of, upload_of
from common.http.options import FORM_FIELDS, parse_options
from common.http.recording import URL_FIELD, receive_request, take_url
from common.jobs.ids import derive_job_id, new_job_id, parse_job_id
from common.jobs.submit import JobRequest, check_queue_length, create_pending, submit, submit_url
from common.lambda_entry.handlers import http_handler
from common.models import Audio, Job
from common.services import Services
from common.upload.fields import MULTIPART, Fields, media_type
from common.upload.part_headers import display_name
from common.upload.receive import Upload

router = APIRouter(tags=["jobs"])

_JOB_FIELDS = {
    "jobId": {
        "type": "string",
        "format": "uuid",
        "description": "chosen by you, so that a repeat is harmless",
    },
    "userId": {"type": "string", "maxLength": 128, "description": "stored with the job and returned"},
    "callbackUrl": {
        "type": "string",
        "format": "uri",
        "description": "receives a signed request when the job ends",
    },
    "filename": {"type": "string", "description": "of the recording; it wins over the name in a form"},
}
_FORM = {
    "type": "object",
    "properties": {
        "file": {"type": "string", "format": "binary"},
        "url": URL_FIELD,
        **FORM_FIELDS,
        **_JOB_FIELDS,
    },
}
_JSON = {"type": "object", "properties": {"url": URL_FIELD, **FORM_FIELDS, **_JOB_FIELDS}}

_KEY = re.compile(r"[\x21-\x7e]{1,255}")
_USER = re.compile(r"[\w.@:|+/=-]{1,128}", re.ASCII)

_A_UUID = errors.Sentence("a UUID", "un UUID")
_VISIBLE_ASCII = errors.Sentence(
    "1 to 255 characters of ASCII, without spaces", "de 1 a 255 caracteres ASCII, sin espacios"
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
        "requestBody": {
            "required": True,
            "content": {"multipart/form-data": {"schema": _FORM}, "application/json": {"schema": _JSON}},
        },
        "parameters": [
            {
                "name": "Idempotency-Key",
                "in": "header",
                "schema": {"type": "string", "maxLength": 255},
                "description": "instead of jobId: the same key and content is the same job; "
                "make it hard to guess, since a client that sends the same key gets the same job",
            }
        ],
    },
    responses={
        202: {
            "description": "accepted: job and audio are stored durably; from a `url`, the job fetches it",
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
            errors.UrlNotPublic(),
        ),
    },
)
async def transcribe_job(request: Request, services: ServicesDep) -> Response:
    """The same jobId or Idempotency-Key with the same content is the same job; with other content, 409."""
    await check_queue_length(services)
    with tempfile.TemporaryDirectory(dir=services.scratch, prefix="job-") as folder:
        limit = services.settings.max_job_upload_bytes
        received = await receive_request(request, Path(folder), max_bytes=limit, digest=True)
        if isinstance(received, Upload):
            return _accepted(await _submit(request, services, received), request, services)
    url, fields = take_url(received)
    if url is not None:
        return _accepted(await _submit_url(request, services, url, fields), request, services)
    if media_type(request.headers.get("content-type")) == MULTIPART:
        raise errors.FileMissing
    return await _expect(request, services, fields)


async def _submit(request: Request, services: Services, upload: Upload) -> Job:
    assert upload.sha256 is not None
    audio = Audio(size_bytes=upload.size_bytes, sha256=upload.sha256, filename=upload.filename)
    return await submit(services, _job_request(upload.fields, request, services), upload.path, audio)


async def _submit_url(request: Request, services: Services, url: str, fields: Fields) -> Job:
    parse_address(url, private_allowed=services.settings.download_private_addresses)
    job_request = _job_request(fields, request, services)
    return await submit_url(services, replace(job_request, url=url))


def _accepted(job: Job, request: Request, services: Services) -> Response:
    links = links_of(job, request, services.settings)
    return json_response(links, 202, {"Location": links["statusUrl"]})


async def _expect(request: Request, services: Services, fields: Fields) -> Response:
    job = await create_pending(services, _job_request(fields, request, services))
    links: dict[str, Any] = links_of(job, request, services.settings)
    if job.status == "pending":
        links["upload"] = await upload_of(job, request, services)
    return json_response(links, 201, {"Location": links["statusUrl"]})


def _job_request(fields: Any, request: Request, services: Services) -> JobRequest:
    values = _job_values(fields)
    user_id = values.get("userId")
    if user_id is not None and not _USER.fullmatch(user_id):
        raise errors.OptionInvalid(option="userId", expected="A–Z a–z 0–9 . _ @ : | + / = - (1–128)")
    return JobRequest(
        job_id=_job_id(
            values.get("jobId"), request.headers.get("idempotency-key"), user_id, services.key_secret
        ),
        options=parse_options(fields, beside=(*_JOB_FIELDS, "sizeBytes")),
        user_id=user_id,
        callback_url=_callback_url(values.get("callbackUrl"), services),
        locale=language_of(request),
        filename=display_name(values.get("filename", "").encode()),
    )


def _job_values(fields: Any) -> dict[str, str]:
    """The fields that belong to the job and not to its options; an empty value counts as not sent."""
    values: dict[str, str] = {}
    for name, value in fields:
        if name in _JOB_FIELDS and value.strip():
            if name in values:
                raise errors.OptionInvalid(option=name, expected=errors.ONE_VALUE)
            values[name] = value.strip()
    return values


def _job_id(job_id: str | None, key: str | None, user_id: str | None, secret: bytes) -> str:
    if job_id is not None:
        try:
            return parse_job_id(job_id)
        except errors.JobNotFound:
            raise errors.OptionInvalid(option="jobId", expected=_A_UUID) from None
    if key is None:
        return new_job_id()
    if not _KEY.fullmatch(key):
        raise errors.OptionInvalid(option="Idempotency-Key", expected=_VISIBLE_ASCII)
    return derive_job_id(key, user_id, secret=secret)


def _callback_url(url: str | None, services: Services) -> str | None:
    if url is None:
        return None
    if services.settings.callback_secret is None:
        raise errors.OptionInvalid(
            option="callbackUrl",
            expected=errors.Sentence("a server with CALLBACK_SECRET", "un servidor con CALLBACK_SECRET"),
        )
    return check_callback_url(url, private_allowed=services.settings.callback_private_addresses)


handler = http_handler(router)
