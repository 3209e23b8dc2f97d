"""POST /job/{id}/audio: receives the audio of a pending job, with the ticket that was issued for it."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from common import errors
from common.http.app import ServicesDep, error_examples, json_response
from common.http.disconnect import body_of, declared_bytes
from common.http.job_links import links_of
from common.http.openapi import FILE, form, json_object, request_body
from common.jobs.actions import get_readable
from common.jobs.ids import parse_job_id
from common.jobs.limits import check_job_limits
from common.jobs.refused_upload import FINAL, fail_pending
from common.jobs.submit import attach_audio, attach_put_audio
from common.lambda_entry.handlers import http_handler
from common.models import Audio, Job
from common.services import Services
from common.upload.fields import JSON, media_type, read_fields
from common.upload.receive import receive

router = APIRouter(tags=["jobs"])

_TICKET = {
    name: {"type": "string", "description": "of `upload.fields`"}
    for name in ("expires", "maxBytes", "signature")
}
_FILE = {"file": {**FILE, "description": "after the fields of `upload.fields`"}}
_BODY = request_body(
    form({**_TICKET, **_FILE}, required=[*_TICKET, "file"]),
    json_object(
        _TICKET,
        required=[*_TICKET],
        description="after a PUT to `upload.directUrl`: the fields of the ticket alone",
    ),
)


async def _job_id(job_id: str) -> str:
    return parse_job_id(job_id)


@router.post(
    "/job/{job_id}/audio",
    summary="Post the audio of a pending job",
    response_model=None,
    status_code=202,
    openapi_extra=_BODY,
    responses={
        202: {"description": "the job starts by itself; a repeat with the same audio is harmless"},
        **error_examples(
            errors.FileMissing(),
            errors.UploadTicketInvalid(),
            errors.JobNotFound(),
            errors.JobConflict(),
            errors.UploadExpired(),
            errors.UploadTooLarge(limit_mb=200),
            errors.TooManyJobs(retry_after=30, whose=errors.YOUR_ADDRESS, limit=100),
            errors.Busy(retry_after=30),
            errors.StorageFull(),
        ),
    },
)
async def job_audio(
    request: Request, services: ServicesDep, job_id: Annotated[str, Depends(_job_id)]
) -> Response:
    """Every field of `upload.fields` unchanged, then `file`: the ticket is checked before a file is read.
    A recording that is empty or too large ends the job.

    After a PUT to `upload.directUrl`: the fields alone, as JSON.
    """
    job = await get_readable(services, job_id)
    if job.status == "pending":  # the ticket stays valid until there is room
        await check_job_limits(services, job.client, size_bytes=declared_bytes(request))
    ticket = _Ticket(services, job_id)
    try:
        if media_type(request.headers.get("content-type")) == JSON:
            ticket.admit(dict(await read_fields(body_of(request), JSON)))
            job = await attach_put_audio(services, await services.jobs.get(job_id))
        else:
            job = await _receive(request, services, job_id, ticket)
    except FINAL as refusal:
        if ticket.may_end_job:
            await fail_pending(services, job_id, refusal)
        raise
    return json_response(links_of(job, request, services.settings), 202)


class _Ticket:
    """Checks the ticket's fields. Without access keys a job's id alone allows to end it."""

    def __init__(self, services: Services, job_id: str) -> None:
        self._services = services
        self._job_id = job_id
        self.may_end_job = not services.access.is_on

    def admit(self, fields: Mapping[str, str]) -> int:
        """The most bytes that the recording may have. Raises UploadTicketInvalid, UploadExpired."""
        max_bytes = self._services.audio.admit(self._job_id, fields, now=self._services.now())
        self.may_end_job = True
        return max_bytes


async def _receive(request: Request, services: Services, job_id: str, ticket: _Ticket) -> Job:
    limit = services.settings.max_job_upload_bytes
    with tempfile.TemporaryDirectory(dir=services.scratch, prefix="audio-") as folder:
        upload = await receive(
            body_of(request),
            request.headers,
            Path(folder),
            max_bytes=limit,
            digest=True,
            admit=ticket.admit,
        )
        assert upload.sha256 is not None
        audio = Audio(size_bytes=upload.size_bytes, sha256=upload.sha256, filename=upload.filename)
        return await attach_audio(services, await services.jobs.get(job_id), upload.path, audio)


handler = http_handler(router)
