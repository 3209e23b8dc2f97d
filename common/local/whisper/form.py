"""Parses the embedded engine's multipart form: a transcription request and its recording, within limits."""

from __future__ import annotations

from typing import BinaryIO

from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException
from starlette.requests import Request
from starlette.types import Message, Receive

from common.local.whisper import groq_api
from common.local.whisper.groq_api import ApiError, TranscriptionRequest
from common.models import Task

_FIELDS_BYTES = 64 * 1024  # that the form may have besides the recording


async def parse_form(request: Request, task: Task, max_bytes: int) -> tuple[TranscriptionRequest, BinaryIO]:
    """The request and its recording, which the caller must close. Raises ApiError with the form closed.

    The recording is in a file without a name, which is gone once closed.
    """
    form = await _read(request, max_bytes)
    try:
        fields: dict[str, list[str]] = {}
        for name, value in form.multi_items():
            fields.setdefault(name, []).append(value if isinstance(value, str) else "")
        return groq_api.parse_request(fields, task), _recording(form, max_bytes)
    except BaseException:
        await form.close()
        raise


async def _read(request: Request, max_bytes: int) -> FormData:
    if not request.headers.get("content-type", "").lower().startswith("multipart/form-data"):
        raise ApiError(400, "request Content-Type isn't multipart/form-data")
    limit = max_bytes + _FIELDS_BYTES
    length = request.headers.get("content-length", "")
    if length.isdecimal() and int(length) > limit:
        raise _too_large()
    limited = Request(request.scope, _limit_body(request.receive, limit))
    try:
        return await limited.form(max_files=1, max_fields=32, max_part_size=_FIELDS_BYTES)
    except (MultiPartException, HTTPException) as exc:
        raise ApiError(400, "could not parse the multipart form") from exc


def _limit_body(receive: Receive, limit: int) -> Receive:
    """`receive` that raises after `limit` bytes, since a request may have no Content-Length."""
    received = 0

    async def limited() -> Message:
        nonlocal received
        message = await receive()
        received += len(message.get("body", b""))
        if received > limit:
            raise _too_large()
        return message

    return limited


def _recording(form: FormData, max_bytes: int) -> BinaryIO:
    if form.get("url"):
        raise ApiError(400, "this engine fetches nothing: send `file`, not `url`", param="url")
    upload = form.get("file")
    if not isinstance(upload, UploadFile):
        raise ApiError(400, "`file` or `url` is a required property", param="file")
    groq_api.check_name(upload.filename)
    if (upload.size or 0) > max_bytes:
        raise _too_large()
    if not upload.size:
        raise ApiError(400, "file is empty", param="file")
    return upload.file


def _too_large() -> ApiError:
    return ApiError(413, "Request Entity Too Large", code="request_too_large")
