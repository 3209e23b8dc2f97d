"""GET · PUT /job/{id}/transcript, PUT /job/{id}/speakers: the text of a job, its corrections, its names."""

from __future__ import annotations

from asyncio import to_thread
from collections.abc import Mapping
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Header, Request, Response

from common import errors
from common.http.app import ServicesDep, error_examples, json_response, language_of
from common.http.cache_header import cache_header, speakers_header
from common.http.caller import Transcriber
from common.http.corrected_text import MAX_MB, parse_correction, read_correction
from common.http.etag import is_known, job_seqs, required_seqs
from common.http.job_example import JOB_CONTENT
from common.http.job_id import JobId
from common.http.json_body import read_json
from common.http.openapi import form_fields, request_body
from common.http.transcript_example import json_examples
from common.http.transcript_file import (
    FILE_EXAMPLES,
    LAYOUT_FIELDS,
    file_response,
    parse_layout,
    require_speakers,
)
from common.jobs.correct import correct, read_text
from common.jobs.text_state import made_of, seq_of_text
from common.jobs.view import job_view, transcript_view
from common.lambda_entry.handlers import http_handler
from common.models import Job, Transcript
from common.text import correction
from common.text.corrected_times import check_times
from common.text.speakers import give_names, has_speakers
from common.upload.fields import JSON

router = APIRouter(tags=["jobs"])

# Why the text of a job is not changed, whatever the change.
_NOT_CHANGED = (
    errors.JobNotFound(),
    errors.TranscriptNotReady(status="processing"),
    errors.JobExpired(when="…"),
    errors.TranscriptChanged(),
    errors.VersionMissing(),
)

_VERSIONS = ("corrected", "engine")
_VERSION = {
    "type": "string",
    "enum": list(_VERSIONS),
    "default": "corrected",
    "description": "`engine`: what the engine gave, before anybody corrected it",
}
_QUERY = {**LAYOUT_FIELDS, "version": _VERSION}
_SECONDS = {"type": "number", "minimum": 0}
_WORD = {
    "type": "object",
    "required": ["word", "start", "end"],
    "properties": {"word": {"type": "string"}, "start": _SECONDS, "end": _SECONDS},
}
_SEGMENT = {
    "type": "object",
    "required": ["start", "end", "text"],
    "properties": {
        "start": _SECONDS,
        "end": _SECONDS,
        "text": {"type": "string"},
        "words": {"type": ["array", "null"], "items": _WORD, "description": "those of `text`"},
        "speaker": {"type": ["string", "null"], "pattern": "^[A-Za-z0-9_-]{0,32}$"},
    },
}
_CORRECTION = {
    "type": "object",
    "required": ["segments"],
    "properties": {"segments": {"type": "array", "items": _SEGMENT}},
    "example": {"segments": [{"start": 0.0, "end": 2.4, "text": "¡Hola! ¿Qué tal?"}]},
}


_LONGEST_NAME = 80
_A_NAME = errors.Sentence("a name of at most 80 characters", "un nombre de 80 caracteres como mucho")
_NAMES = {
    "type": "object",
    "additionalProperties": {"type": ["string", "null"], "maxLength": _LONGEST_NAME},
    "example": {"A": "Ana", "B": "Blas"},
}


@router.get(
    "/job/{job_id}/transcript",
    summary="The text of a completed job, as JSON or as a file to download",
    response_model=None,
    openapi_extra={
        "parameters": [
            {"name": name, "in": "query", "schema": schema, "description": schema.get("description", "")}
            for name, schema in form_fields(_QUERY).items()
        ]
    },
    responses={
        200: {
            "description": "the transcript, named after the recording",
            "content": {**json_examples({"text": "Hola", "duration": 2.4}), **FILE_EXAMPLES},
        },
        304: {"description": "the same as If-None-Match, which may have the `seq` of a job or a correction"},
        **error_examples(
            errors.JobNotFound(),
            errors.TranscriptNotReady(status="processing"),
            errors.JobExpired(when="…"),
            errors.OptionInvalid(option="format", expected="json, srt, vtt, tsv, txt"),
        ),
    },
)
async def read_transcript(
    request: Request,
    services: ServicesDep,
    job_id: JobId,
    if_none_match: Annotated[str | None, Header()] = None,
) -> Response:
    """The options bound the cues of srt and vtt; a cue begins at a word if the job has the words' times."""
    layout = parse_layout(request.query_params.multi_items())
    version = _version(request.query_params.getlist("version"))
    job, result = await read_text(services, job_id, original=version == "engine")
    require_speakers(layout, asked=bool(job.options.speakers) or has_speakers(result))
    etag = f'W/"{seq_of_text(job)}-{version}-{layout.tag}"'
    headers = {"Cache-Control": "no-store", "ETag": etag} | cache_header(job.cached) | speakers_header(job)
    is_plain = layout.format == "json" and version == _VERSIONS[0]
    if is_known(etag, if_none_match) or (is_plain and made_of(job, job_seqs(if_none_match)) == "text"):
        return Response(status_code=304, headers=headers)
    if layout.format == "json":
        return json_response(
            transcript_view(result, job.options, language=language_of(request)), headers=headers
        )
    return await file_response(
        result, layout, name=job.audio.filename if job.audio else None, headers=headers
    )


def _version(values: list[str]) -> str:
    if len(values) > 1:
        raise errors.OptionInvalid(option="version", expected=errors.ONE_VALUE)
    version = values[0] if values and values[0] else _VERSIONS[0]
    if version not in _VERSIONS:
        raise errors.OptionInvalid(option="version", expected=", ".join(_VERSIONS))
    return version


@router.put(
    "/job/{job_id}/transcript",
    summary="Correct the text of a completed job",
    response_model=None,
    openapi_extra=request_body({JSON: {"schema": _CORRECTION}}),
    responses={
        200: {"description": "the job, with its new `seq` and `revision`", **JOB_CONTENT},
        **error_examples(
            *_NOT_CHANGED,
            errors.TranscriptTooLarge(limit_mb=MAX_MB),
            errors.BodyMalformed(problem="it is not JSON"),
            errors.OptionInvalid(option="segments[3].start", expected="12.4 … 60"),
            errors.Busy(retry_after=1),
        ),
    },
)
async def correct_transcript(
    request: Request,
    services: ServicesDep,
    caller: Transcriber,
    job_id: JobId,
    if_match: Annotated[str | None, Header()] = None,
) -> Response:
    """All segments, in order, with times that rise. If-Match has the ETag of the text that you corrected.

    Without `words`, equal words keep their times and the others share the time between. What else an answer
    has may come back with it and changes nothing. Files, callbacks and Convex then have the corrected text.
    """
    seqs = required_seqs(if_match)
    body = await read_correction(request)
    with await services.correcting.take(caller.client):
        segments = await to_thread(parse_correction, body)

        def change(transcript: Transcript) -> Transcript:
            return correction.correct(transcript, list(check_times(segments, duration=transcript.duration)))

        return _respond_with(request, await correct(services, job_id, change, seqs=seqs))


@router.put(
    "/job/{job_id}/speakers",
    summary="Name the speakers of a completed job",
    response_model=None,
    openapi_extra=request_body({JSON: {"schema": _NAMES}}),
    responses={
        200: {"description": "the job, with its new `seq` and `revision`", **JOB_CONTENT},
        **error_examples(
            *_NOT_CHANGED,
            errors.SpeakerUnknown(speaker="C", known="A, B"),
            errors.OptionInvalid(option="A", expected=_A_NAME),
            errors.BodyMalformed(problem="it is not JSON"),
        ),
    },
)
async def name_speakers(
    request: Request,
    services: ServicesDep,
    caller: Transcriber,
    job_id: JobId,
    if_match: Annotated[str | None, Header()] = None,
) -> Response:
    """All names, by label; who gets none keeps the label. Two labels of one name are one speaker.

    The names are in every file, in callbacks and in Convex. If-Match as for the transcript.
    """
    seqs = required_seqs(if_match)
    names = _parse_names(await read_json(request))
    with await services.correcting.take(caller.client):
        job = await correct(services, job_id, partial(give_names, names=names), seqs=seqs)
    return _respond_with(request, job)


def _parse_names(body: Mapping[str, Any]) -> dict[str, str]:
    """Without those that are empty. Raises OptionInvalid."""
    for label, name in body.items():
        if name is not None and not (isinstance(name, str) and len(name) <= _LONGEST_NAME):
            raise errors.OptionInvalid(option=label[:40], expected=_A_NAME)
    return {label: name.strip() for label, name in body.items() if name and name.strip()}


def _respond_with(request: Request, job: Job) -> Response:
    headers: dict[str, str] = {"Cache-Control": "no-store", "Vary": "Accept-Language"}
    view: dict[str, Any] = job_view(job, language=language_of(request))
    return json_response(view, headers={**headers, "ETag": f'W/"{job.seq}"'})


handler = http_handler(router, imports=("common.text.subtitles",))
