"""POST /transcribe-job: accepts a recording, responds at once, transcribes it in the background.

A form brings the audio with it. After JSON, the response says where to post the audio, in the same shape on
both deployment targets: POST /job/{id}/audio of the container, S3 on AWS.
"""

from __future__ import annotations

import json
import re
import tempfile
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request, Response

from common import errors
from common.delivery.webhook_url import check_callback_url
from common.http.app import ServicesDep, error_examples, json_response, language_of
from common.http.disconnect import body_of
from common.http.job_links import links_of, upload_of
from common.http.openapi import body, form, json_object
from common.http.options import FORM_FIELDS, FORM_RULES, TIMESTAMPS, parse_options
from common.jobs.ids import derive_job_id, new_job_id, parse_job_id
from common.jobs.submit import JobRequest, check_queue_length, create_pending, submit
from common.lambda_entry.handlers import http_handler
from common.models import Audio
from common.services import Services
from common.upload.part_headers import display_name
from common.upload.receive import receive

router = APIRouter(tags=["jobs"])

_KEY = re.compile(r"[\x21-\x7e]{1,255}")
_USER = re.compile(r"[A-Za-z0-9_.@:|+/=-]{1,128}")

_JOB_FIELDS = {
    "jobId": {
        "type": "string",
        "pattern": "^([0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12})?$",
        "description": "a UUID, chosen by you, so that a repeat is harmless",
    },
    "userId": {
        "type": "string",
        "pattern": f"^({_USER.pattern})?$",
        "description": "stored with the job and returned",
    },
    "callbackUrl": {
        "type": "string",
        "pattern": r"^(https://[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,}(/[A-Za-z0-9._~/-]*)?)?$",
        "description": "receives a signed request when the job ends",
    },
    "filename": {"type": "string", "description": "of the recording; it wins over the name in a form"},
}
_JSON = json_object({**FORM_FIELDS, **_JOB_FIELDS, "timestamps": TIMESTAMPS}, **FORM_RULES)

_MAX_JSON_BYTES = 64 * 1024

_TOO_MUCH_JSON = errors.Sentence("it is more than 64 KB of JSON", "son más de 64 KB de JSON")
_NOT_JSON = errors.Sentence("it is not JSON", "no es JSON")
_NO_OBJECT = errors.Sentence("it is JSON, but no object", "es JSON, pero no un objeto")
_CUT_CHARACTER = errors.Sentence(
    "a text in it ends within a character", "un texto termina en mitad de un carácter"
)
_TEXT_OR_NUMBER = errors.Sentence("text or a number", "texto o un número")
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
        **body(form({**FORM_FIELDS, **_JOB_FIELDS}, **FORM_RULES), _JSON),
        "parameters": [
            {
                "name": "Idempotency-Key",
                "in": "header",
                "schema": {"type": "string", "pattern": f"^{_KEY.pattern}$"},
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
async def transcribe_job(request: Request, services: ServicesDep) -> Response:
    """The same jobId or Idempotency-Key with the same content is the same job; with other content, 409."""
    await check_queue_length(services)
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "application/json":
        return await _expect(request, services)
    return await _accept(request, services)


async def _accept(request: Request, services: Services) -> Response:
    limit = services.settings.max_job_upload_bytes
    with tempfile.TemporaryDirectory(dir=services.scratch, prefix="job-") as folder:
        upload = await receive(body_of(request), request.headers, Path(folder), max_bytes=limit, digest=True)
        assert upload.sha256 is not None
        audio = Audio(size_bytes=upload.size_bytes, sha256=upload.sha256, filename=upload.filename)
        job_request = _job_request(upload.fields, request, services)
        job = await submit(services, job_request, upload.path, audio)
    links = links_of(job, request, services.settings)
    return json_response(links, 202, {"Location": links["statusUrl"]})


async def _expect(request: Request, services: Services) -> Response:
    fields = _fields_of(await _json_body(request))
    job = await create_pending(services, _job_request(fields, request, services))
    links: dict[str, Any] = links_of(job, request, services.settings)
    if job.status == "pending":
        links["upload"] = await upload_of(job, request, services)
    return json_response(links, 201, {"Location": links["statusUrl"]})


async def _json_body(request: Request) -> dict[str, Any]:
    body = bytearray()
    async for block in body_of(request):
        body += block
        if len(body) > _MAX_JSON_BYTES:
            raise errors.BodyMalformed(problem=_TOO_MUCH_JSON)
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        raise errors.BodyMalformed(problem=_NOT_JSON) from None
    if not isinstance(value, dict):
        raise errors.BodyMalformed(problem=_NO_OBJECT)
    return value


def _fields_of(body: dict[str, Any]) -> list[tuple[str, str]]:
    """JSON's values as a form sends them, so that one parser checks both."""
    fields: list[tuple[str, str]] = []
    for name, value in body.items():
        is_list = isinstance(value, list) and name == "timestamps"
        for item in value if is_list else [value]:
            if isinstance(item, bool) and name in {"guard", "cache"}:
                fields.append((name, str(item).lower()))
            elif isinstance(item, dict | list | bool) or (is_list and item is None):
                raise errors.OptionInvalid(option=name[:40], expected=_TEXT_OR_NUMBER)
            elif item is not None:
                fields.append((name, _check_characters(str(item))))
    return fields


def _check_characters(text: str) -> str:
    """The same text. Raises BodyMalformed for half a character, as JSON can hold it (RFC 8259, 8.2)."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise errors.BodyMalformed(problem=_CUT_CHARACTER) from None
    return text


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
