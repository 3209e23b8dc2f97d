"""POST /transcribe-job: accept a recording, answer at once, transcribe it in the background.

With a form, the audio comes along. With JSON, the answer says where to post it, in the same shape in both
homes: POST /job/{id}/audio here, S3 on AWS.
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
from common.http.app import Served, error_examples, json_answer, locale_of
from common.http.disconnect import body_of
from common.http.job_links import links_of, upload_of
from common.http.options import FORM_FIELDS, parse_options
from common.jobs.ids import derive_job_id, new_job_id, parse_job_id
from common.jobs.submit import JobRequest, check_queue_length, create_pending, submit
from common.lambda_entry.handlers import http_handler
from common.models import Audio
from common.services import Services
from common.upload.receive import receive

router = APIRouter(tags=["jobs"])

_BESIDE = {
    "jobId": {"type": "string", "format": "uuid", "description": "made by you, so that a repeat is harmless"},
    "userId": {"type": "string", "maxLength": 128, "description": "kept with the job and given back"},
    "callbackUrl": {"type": "string", "format": "uri", "description": "told when the job ends, signed"},
}
_FORM = {
    "type": "object",
    "required": ["file"],
    "properties": {"file": {"type": "string", "format": "binary"}, **FORM_FIELDS, **_BESIDE},
}
_JSON = {"type": "object", "properties": {**FORM_FIELDS, **_BESIDE, "filename": {"type": "string"}}}

_MAX_JSON_BYTES = 64 * 1024
_KEY = re.compile(r"[\x21-\x7e]{1,255}")
_USER = re.compile(r"[\w.@:|+/=-]{1,128}", re.ASCII)

_TOO_MUCH_JSON = errors.Sentence("it is more than 64 KB of JSON", "son más de 64 KB de JSON")
_NOT_JSON = errors.Sentence("it is not JSON", "no es JSON")
_NO_OBJECT = errors.Sentence("it is JSON, but no object", "es JSON, pero no un objeto")
_HALF_A_CHARACTER = errors.Sentence(
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
                "make it hard to guess, since whoever sends the same is told of the same job",
            }
        ],
    },
    responses={
        202: {
            "description": "accepted: row and audio are durable",
            "content": {"application/json": {"example": {**_LINKS, "status": "queued"}}},
        },
        201: {
            "description": "expected: post the audio to upload.url, its fields first and `file` last",
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
async def transcribe_job(request: Request, services: Served) -> Response:
    """The same jobId or Idempotency-Key with the same content is the same job; with other content, 409."""
    await check_queue_length(services)
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "application/json":
        return await _expected(request, services)
    return await _accepted(request, services)


async def _accepted(request: Request, services: Services) -> Response:
    limit = services.settings.max_job_upload_bytes
    with tempfile.TemporaryDirectory(dir=services.scratch, prefix="job-") as folder:
        upload = await receive(body_of(request), request.headers, Path(folder), max_bytes=limit, digest=True)
        assert upload.sha256 is not None
        audio = Audio(size_bytes=upload.size_bytes, sha256=upload.sha256, filename=upload.filename)
        wanted = _wanted(upload.fields, request, services)
        job = await submit(services, wanted, upload.path, audio)
    links = links_of(job, request, services.settings)
    return json_answer(links, 202, {"Location": links["statusUrl"]})


async def _expected(request: Request, services: Services) -> Response:
    fields = _fields_of(await _json_body(request))
    job = await create_pending(services, _wanted(fields, request, services))
    answer: dict[str, Any] = links_of(job, request, services.settings)
    if job.status == "pending":
        answer["upload"] = await upload_of(job, request, services)
    return json_answer(answer, 201, {"Location": answer["statusUrl"]})


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
    """JSON's values as a form would have them, so that one reader checks both."""
    fields: list[tuple[str, str]] = []
    for name, value in body.items():
        for one in value if isinstance(value, list) else [value]:
            if isinstance(one, bool) and name == "guard":
                fields.append((name, str(one).lower()))
            elif isinstance(one, dict | list | bool):
                raise errors.OptionInvalid(option=name[:40], expected=_TEXT_OR_NUMBER)
            elif one is not None:
                fields.append((name, _whole(str(one))))
    return fields


def _whole(text: str) -> str:
    """The same, unless it is cut within a character, as JSON's escapes can be (RFC 8259, 8.2)."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise errors.BodyMalformed(problem=_HALF_A_CHARACTER) from None
    return text


def _wanted(fields: Any, request: Request, services: Services) -> JobRequest:
    own = _own(fields)
    user_id = own.get("userId")
    if user_id is not None and not _USER.fullmatch(user_id):
        raise errors.OptionInvalid(option="userId", expected="A–Z a–z 0–9 . _ @ : | + / = - (1–128)")
    return JobRequest(
        job_id=_job_id(
            own.get("jobId"), request.headers.get("idempotency-key"), user_id, services.key_secret
        ),
        options=parse_options(fields, beside=(*_BESIDE, "filename", "sizeBytes")),
        user_id=user_id,
        callback_url=_callback_url(own.get("callbackUrl"), services),
        locale=locale_of(request),
    )


def _own(fields: Any) -> dict[str, str]:
    """What is a job's rather than its options'; an empty value counts as not sent."""
    own: dict[str, str] = {}
    for name, value in fields:
        if name in _BESIDE and value.strip():
            if name in own:
                raise errors.OptionInvalid(option=name, expected=errors.ONE_VALUE)
            own[name] = value.strip()
    return own


def _job_id(asked: str | None, key: str | None, user_id: str | None, secret: bytes) -> str:
    if asked is not None:
        try:
            return parse_job_id(asked)
        except errors.JobNotFound:
            raise errors.OptionInvalid(option="jobId", expected=_A_UUID) from None
    if key is None:
        return new_job_id()
    if not _KEY.fullmatch(key):
        raise errors.OptionInvalid(option="Idempotency-Key", expected=_VISIBLE_ASCII)
    return derive_job_id(key, user_id, secret=secret)


def _callback_url(asked: str | None, services: Services) -> str | None:
    if asked is None:
        return None
    if services.settings.callback_secret is None:
        raise errors.OptionInvalid(
            option="callbackUrl",
            expected=errors.Sentence("a server with CALLBACK_SECRET", "un servidor con CALLBACK_SECRET"),
        )
    return check_callback_url(asked, private_allowed=services.settings.callback_private_addresses)


handler = http_handler(router)
