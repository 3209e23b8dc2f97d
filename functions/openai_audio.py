"""POST /v1/audio/transcriptions · /v1/audio/translations, GET /v1/models: OpenAI's API, for its own SDKs.

/openai/v1 serves the same for Groq's SDK. Any bearer key is accepted, or none: a client that can reach the
server may use it, as with every other endpoint. Which parameters are accepted, ignored and refused, and why:
docs/decisions/openai-api.md.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import wraps
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request, Response

from common.errors import EscribaError, Language, RetryLater
from common.http.app import ServicesDep, json_response, language_of
from common.http.disconnect import body_of, respond_unless_left
from common.lambda_entry.handlers import http_handler
from common.models import Piece, Task
from common.openai.errors import refusal
from common.openai.models import model_of, models
from common.openai.request import FIELDS, TRANSLATION_FIELDS, OpenAIRequest, parse_request
from common.openai.response import write_response
from common.openai.stream import OnText, TranscriptionStream
from common.services import Services
from common.transcription.incremental import IncrementalText
from common.transcription.pipeline import (
    merge_pieces,
    prepare_recording,
    suppress_hallucinations,
    transcribe_pieces,
)
from common.upload.receive import receive

router = APIRouter(tags=["OpenAI"])

Endpoint = Callable[..., Awaitable[Response]]

# Of the SDK of OpenAI, whose base URL ends in /v1, and of Groq's.
_PREFIXES = ("/v1", "/openai/v1")
UPLOADS = tuple(
    f"{prefix}/audio/{task}" for prefix in _PREFIXES for task in ("transcriptions", "translations")
)


def _route(method: str, path: str, **openapi: Any) -> Callable[[Endpoint], Endpoint]:
    """Serve an endpoint under both prefixes, with its errors in OpenAI's shape; show the first in OpenAPI."""

    def add(endpoint: Endpoint) -> Endpoint:
        wrapped = _with_openai_errors(endpoint)
        for prefix in _PREFIXES:
            router.add_api_route(
                prefix + path,
                wrapped,
                methods=[method],
                response_model=None,
                include_in_schema=prefix == _PREFIXES[0],
                **openapi,
            )
        return wrapped

    return add


def _with_openai_errors(endpoint: Endpoint) -> Endpoint:
    @wraps(endpoint)
    async def respond(request: Request, **dependencies: Any) -> Response:
        try:
            return await endpoint(request, **dependencies)
        except (EscribaError, RetryLater) as failure:
            return _error_response(request, failure)

    return respond


def _error_response(request: Request, failure: EscribaError | RetryLater) -> Response:
    accept = request.headers.get("accept-language", "")
    status, headers, body = refusal(failure, accept_language=accept, request_id=request.state.request_id)
    response = Response(body, status)
    response.raw_headers = headers
    return response


def _form(fields: dict[str, dict[str, object]]) -> dict[str, Any]:
    """OpenAPI of a form. FastAPI must not parse it, since it would read the recording into memory."""
    properties = {"file": {"type": "string", "format": "binary"}, **fields}
    schema = {"type": "object", "required": ["file", "model"], "properties": properties}
    return {"requestBody": {"required": True, "content": {"multipart/form-data": {"schema": schema}}}}


_ERROR = {"error": {"message": "…", "type": "invalid_request_error", "param": "model", "code": "…"}}
_ERRORS: dict[int | str, dict[str, Any]] = {
    status: {"description": what, "content": {"application/json": {"example": _ERROR}}}
    for status, what in {
        400: "a parameter or the recording is wrong",
        404: "no such model",
        413: "the recording is too large",
        429: "the engine's quota is spent until Retry-After",
        500: "an error of this server or of the engine (5xx)",
    }.items()
}
_TEXT = {
    "application/json": {"example": {"text": "Hola, ¿qué tal?", "usage": {"type": "duration", "seconds": 3}}},
    "text/plain": {"example": "Hola, ¿qué tal?\n"},
}
_STREAM = {
    "text/event-stream": {
        "example": 'data: {"type":"transcript.text.delta","delta":"Hola"}\n\n'
        'data: {"type":"transcript.text.done","text":"Hola"}\n\n'
    }
}


@_route(
    "POST",
    "/audio/transcriptions",
    summary="Transcribe a recording, as OpenAI's API does",
    openapi_extra=_form(FIELDS),
    responses={200: {"description": "what was said", "content": {**_TEXT, **_STREAM}}, **_ERRORS},
)
async def transcriptions(request: Request, services: ServicesDep) -> Response:
    """Recordings up to MAX_JOB_UPLOAD_MB; `stream` works with every model."""
    return await _respond(request, services, "transcribe")


@_route(
    "POST",
    "/audio/translations",
    summary="Translate a recording into English, as OpenAI's API does",
    openapi_extra=_form(TRANSLATION_FIELDS),
    responses={200: {"description": "what was said, in English", "content": _TEXT}, **_ERRORS},
)
async def translations(request: Request, services: ServicesDep) -> Response:
    """With a model that cannot translate, one that can is used."""
    return await _respond(request, services, "translate")


@_route("GET", "/models", summary="The models that a request may name, as OpenAI lists them")
async def list_models(request: Request, services: ServicesDep) -> Response:  # noqa: ARG001
    views = [model.view() for model in models(services.settings.groq_model)]
    return json_response({"object": "list", "data": views})


@_route("GET", "/models/{name:path}", summary="One model", responses={404: _ERRORS[404]})
async def read_model(request: Request, services: ServicesDep, name: str) -> Response:  # noqa: ARG001
    return json_response(model_of(name, services.settings.groq_model).view())


# ── one recording ─────────────────────────────────────────────────────────────────────────────────


async def _respond(request: Request, services: Services, task: Task) -> Response:
    with ExitStack() as resources:
        folder = Path(resources.enter_context(_scratch_folder(services)))
        limit = services.settings.max_job_upload_bytes
        upload = await receive(body_of(request), request.headers, folder, max_bytes=limit)
        parsed = parse_request(upload.fields, task=task, server_model=services.settings.groq_model)
        if parsed.stream:
            return TranscriptionStream(
                lambda on_text: _transcribe_incrementally(services, upload.path, folder, parsed, on_text),
                resources=resources.pop_all(),
                refuse=lambda failure: _error_response(request, failure),
            )
        return await respond_unless_left(
            _transcribe(services, upload.path, folder, parsed, language_of(request)), request.receive
        )


@contextmanager
def _scratch_folder(services: Services) -> Iterator[str]:
    """A folder that is deleted with the request; after a kill, the next start deletes it."""
    services.active.transcriptions += 1
    try:
        with tempfile.TemporaryDirectory(dir=services.scratch, prefix="openai-") as folder:
            yield folder
    finally:
        services.active.transcriptions -= 1


async def _transcribe(
    services: Services, source: Path, folder: Path, request: OpenAIRequest, language: Language
) -> Response:
    ready = await prepare_recording(services, source, request.options, folder)
    pieces = await transcribe_pieces(services, ready, request.options, folder, kept={}, keep=_keep_nothing)
    body, kind = write_response(
        await merge_pieces(services, ready, pieces, request.options), request, language
    )
    return Response(body, media_type=kind)


async def _keep_nothing(piece: Piece) -> None:
    """A client that waits for its response sends the whole recording again after a failure."""


async def _transcribe_incrementally(
    services: Services, source: Path, folder: Path, request: OpenAIRequest, on_text: OnText
) -> str:
    """Transcribe the recording and pass on each text that no later piece can change; the whole text."""
    ready = await prepare_recording(services, source, request.options, folder)
    settling = IncrementalText([ready.audio.start + cut.start for cut in ready.cuts], ready.duration)
    in_order = asyncio.Lock()

    async def keep(piece: Piece) -> None:
        async with in_order:
            if stretch := settling.add_piece(piece):
                for text in settling.append(
                    await suppress_hallucinations(services, ready, stretch, request.options)
                ):
                    on_text(text)

    await transcribe_pieces(services, ready, request.options, folder, kept={}, keep=keep)
    return settling.text


handler = http_handler(router)
