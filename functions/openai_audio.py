"""POST /v1/audio/transcriptions · /v1/audio/translations, GET /v1/models: OpenAI's API, for its own SDKs.

The same lies under /openai/v1, where Groq's SDK looks. Any bearer key is accepted, or none: whoever can
reach the server may use it, as with every other endpoint. What is taken, ignored and refused, and why:
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

from common.errors import EscribaError, RetryLater
from common.http.app import Served, json_answer
from common.http.disconnect import answer_unless_left, body_of
from common.lambda_entry.handlers import http_handler
from common.models import Piece, Task
from common.openai.errors import refusal
from common.openai.models import model_of, models
from common.openai.request import FIELDS, TRANSLATION_FIELDS, OpenAIRequest, parse_request
from common.openai.response import answer_of
from common.openai.stream import SpokenText, Tell
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

# Where the SDKs of OpenAI (its base URL ends in /v1) and of Groq look.
_PREFIXES = ("/v1", "/openai/v1")
UPLOADS = tuple(
    f"{prefix}/audio/{task}" for prefix in _PREFIXES for task in ("transcriptions", "translations")
)


def _served(method: str, path: str, **told: Any) -> Callable[[Endpoint], Endpoint]:
    """Serve it under both prefixes, and answer what goes wrong in OpenAI's shape."""

    def serve(endpoint: Endpoint) -> Endpoint:
        answering = _in_openai_shape(endpoint)
        for prefix in _PREFIXES:
            shown = prefix == _PREFIXES[0]
            router.add_api_route(
                prefix + path,
                answering,
                methods=[method],
                response_model=None,
                include_in_schema=shown,
                **told,
            )
        return answering

    return serve


def _in_openai_shape(endpoint: Endpoint) -> Endpoint:
    @wraps(endpoint)
    async def answered(request: Request, **more: Any) -> Response:
        try:
            return await endpoint(request, **more)
        except (EscribaError, RetryLater) as failure:
            return _refused(request, failure)

    return answered


def _refused(request: Request, failure: EscribaError | RetryLater) -> Response:
    accept = request.headers.get("accept-language", "")
    status, headers, body = refusal(failure, accept_language=accept, request_id=request.state.request_id)
    answer = Response(body, status)
    answer.raw_headers = headers
    return answer


def _form(fields: dict[str, dict[str, object]]) -> dict[str, Any]:
    """OpenAPI of a form; the recording itself is never read into memory, so FastAPI must not parse it."""
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
        429: "the engine's quota is spent, until Retry-After",
        500: "it broke here or at the engine (5xx)",
    }.items()
}
_TEXT = {
    "application/json": {"example": {"text": "Hola, ¿qué tal?", "usage": {"type": "duration", "seconds": 3}}},
    "text/plain": {"example": "Hola, ¿qué tal?\n"},
}
_STREAMED = {
    "text/event-stream": {
        "example": 'data: {"type":"transcript.text.delta","delta":"Hola"}\n\n'
        'data: {"type":"transcript.text.done","text":"Hola"}\n\n'
    }
}


@_served(
    "POST",
    "/audio/transcriptions",
    summary="Transcribe a recording, as OpenAI's API does",
    openapi_extra=_form(FIELDS),
    responses={200: {"description": "what was said", "content": {**_TEXT, **_STREAMED}}, **_ERRORS},
)
async def transcriptions(request: Request, services: Served) -> Response:
    """Recordings up to MAX_JOB_UPLOAD_MB; `stream` works with every model."""
    return await _heard(request, services, "transcribe")


@_served(
    "POST",
    "/audio/translations",
    summary="Translate a recording into English, as OpenAI's API does",
    openapi_extra=_form(TRANSLATION_FIELDS),
    responses={200: {"description": "what was said, in English", "content": _TEXT}, **_ERRORS},
)
async def translations(request: Request, services: Served) -> Response:
    """With a model that cannot translate, one that can is used."""
    return await _heard(request, services, "translate")


@_served("GET", "/models", summary="The models that may be asked for, as OpenAI lists them")
async def list_models(request: Request, services: Served) -> Response:  # noqa: ARG001
    listed = [model.view() for model in models(services.settings.groq_model)]
    return json_answer({"object": "list", "data": listed})


@_served("GET", "/models/{name:path}", summary="One model", responses={404: _ERRORS[404]})
async def read_model(request: Request, services: Served, name: str) -> Response:  # noqa: ARG001
    return json_answer(model_of(name, services.settings.groq_model).view())


# ── one recording ─────────────────────────────────────────────────────────────────────────────────


async def _heard(request: Request, services: Services, task: Task) -> Response:
    with ExitStack() as held:
        folder = Path(held.enter_context(_place(services)))
        limit = services.settings.max_job_upload_bytes
        upload = await receive(body_of(request), request.headers, folder, max_bytes=limit)
        ask = parse_request(upload.fields, task=task, server_model=services.settings.groq_model)
        if ask.stream:
            return SpokenText(
                lambda tell: _told(services, upload.path, folder, ask, tell),
                held=held.pop_all(),
                refuse=lambda failure: _refused(request, failure),
            )
        return await answer_unless_left(_answered(services, upload.path, folder, ask), request.receive)


@contextmanager
def _place(services: Services) -> Iterator[str]:
    """A folder for as long as the request lives; what a kill leaves of it is swept at the next start."""
    services.active.transcriptions += 1
    try:
        with tempfile.TemporaryDirectory(dir=services.scratch, prefix="openai-") as folder:
            yield folder
    finally:
        services.active.transcriptions -= 1


async def _answered(services: Services, source: Path, folder: Path, ask: OpenAIRequest) -> Response:
    ready = await prepare_recording(services, source, folder)
    pieces = await transcribe_pieces(services, ready, ask.options, folder, kept={}, keep=_keep_nothing)
    body, kind = answer_of(await merge_pieces(services, ready, pieces, ask.options), ask)
    return Response(body, media_type=kind)


async def _keep_nothing(piece: Piece) -> None:
    """Who waits on the line asks again from the start if it fails."""


async def _told(services: Services, source: Path, folder: Path, ask: OpenAIRequest, tell: Tell) -> str:
    """Hear the recording, telling its text as it settles; the whole text."""
    ready = await prepare_recording(services, source, folder)
    settling = IncrementalText([ready.audio.start + cut.start for cut in ready.cuts], ready.duration)
    in_order = asyncio.Lock()

    async def keep(piece: Piece) -> None:
        async with in_order:
            if stretch := settling.add_piece(piece):
                for text in settling.append(
                    await suppress_hallucinations(services, ready, stretch, ask.options)
                ):
                    tell(text)

    await transcribe_pieces(services, ready, ask.options, folder, kept={}, keep=keep)
    return settling.text


handler = http_handler(router)
