"""POST /v1/audio/transcriptions · /v1/audio/translations, GET /v1/models: OpenAI's API, for its own SDKs.

/openai/v1 serves the same for Groq's SDK, /openai/deployments/{name} for Azure's. Where the server
has no access keys, any bearer key is accepted, or none. Which parameters are
read, ignored and refused, and why: docs/decisions/openai-api.md.
"""

from __future__ import annotations

import tempfile
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial, wraps
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request, Response

from common.access.caller import Caller, client_id
from common.audio.ffmpeg_turns import run_for
from common.errors import BaseUrlWrong, EscribaError, MethodNotAllowed, RetryLater
from common.http import any_path
from common.http.app import ServicesDep, json_response, language_of
from common.http.cache_header import note_cache
from common.http.caller import caller_of
from common.http.disconnect import respond_unless_left
from common.http.job_links import root_url
from common.http.methods import REFUSING, allowed_methods
from common.http.recording import receive_recording
from common.lambda_entry.handlers import http_handler
from common.models import Task
from common.openai.address import AUDIO, AZURE, PREFIXES, REFUSED, right_address
from common.openai.errors import code_of, refusal
from common.openai.models import model_of, models
from common.openai.openapi import ERRORS, STREAM, STREAM_NEEDS_TEXT, TEXT, WORDS_NEED_VERBOSE, body
from common.openai.request import (
    FIELDS,
    TRANSLATION_FIELDS,
    OpenAIRequest,
    is_unread,
    parse_request,
    with_model_of_address,
)
from common.openai.response import ignored_header, write_response
from common.openai.stream import TranscriptionStream, stream_text
from common.places import Take
from common.services import Services
from common.transcription.cache import recall, transcribe_unless_kept
from common.transcription.option_rules import check_speakers
from common.upload.receive import Upload

router = APIRouter(tags=["OpenAI"])
any_path.register()

Endpoint = Callable[..., Awaitable[Response]]

_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]


def _route(method: str, path: str, *, azure: bool = False, **openapi: Any) -> Callable[[Endpoint], Endpoint]:
    """Serve an endpoint under all prefixes, with its errors in OpenAI's shape; show the first in OpenAPI."""

    def add(endpoint: Endpoint) -> Endpoint:
        wrapped = _with_openai_errors(_for_transcribers(endpoint))
        for prefix in (*PREFIXES, AZURE) if azure else PREFIXES:
            router.add_api_route(
                prefix + path,
                wrapped,
                methods=[method],
                response_model=None,
                include_in_schema=prefix == PREFIXES[0],
                **openapi,
            )
        return wrapped

    return add


def _for_transcribers(endpoint: Endpoint) -> Endpoint:
    """No dependency, since what that raises would not get OpenAI's shape."""

    @wraps(endpoint)
    async def respond(request: Request, **dependencies: Any) -> Response:
        (await caller_of(request)).require("transcribe")
        return await endpoint(request, **dependencies)

    return respond


def _with_openai_errors(endpoint: Endpoint) -> Endpoint:
    @wraps(endpoint)
    async def respond(request: Request, **dependencies: Any) -> Response:
        try:
            return await endpoint(request, **dependencies)
        except (EscribaError, RetryLater) as failure:
            return _error_response(request, failure)

    return respond


def _error_response(request: Request, failure: EscribaError | RetryLater) -> Response:
    request.state.error_code = code_of(failure)
    accept = request.headers.get("accept-language", "")
    status, headers, body = refusal(failure, accept_language=accept, request_id=request.state.request_id)
    response = Response(body, status)
    response.raw_headers = headers
    return response


@_route(
    "POST",
    AUDIO[0],
    azure=True,
    summary="Transcribe a recording, as OpenAI's API does",
    openapi_extra=body(FIELDS, WORDS_NEED_VERBOSE, STREAM_NEEDS_TEXT),
    responses={200: {"description": "what was said", "content": {**TEXT, **STREAM}}, **ERRORS},
)
async def transcriptions(request: Request, services: ServicesDep) -> Response:
    """Recordings up to MAX_JOB_UPLOAD_MB; `stream` works with every model."""
    return await _respond(request, services, "transcribe")


@_route(
    "POST",
    AUDIO[1],
    azure=True,
    summary="Translate a recording into English, as OpenAI's API does",
    openapi_extra=body(TRANSLATION_FIELDS),
    responses={200: {"description": "what was said, in English", "content": TEXT}, **ERRORS},
)
async def translations(request: Request, services: ServicesDep) -> Response:
    """With a model that cannot translate, one that can is used."""
    return await _respond(request, services, "translate")


@_route("GET", "/models", summary="The models that a request may name, as OpenAI lists them")
async def list_models(request: Request, services: ServicesDep) -> Response:  # noqa: ARG001
    views = [model.view() for model in models(services.settings.groq_model)]
    return json_response({"object": "list", "data": views})


@_route("GET", "/models/{name:any}", summary="One model", responses=ERRORS)
async def read_model(request: Request, services: ServicesDep, name: str) -> Response:  # noqa: ARG001
    return json_response(model_of(name, services.settings.groq_model).view())


@_with_openai_errors
async def _refuse(request: Request) -> Response:
    """Another method, or an address that a client with a wrong base URL calls."""
    if methods := allowed_methods(request):
        response = _error_response(request, MethodNotAllowed(method=request.method))
        response.headers["Allow"] = ", ".join(methods)
        return response
    base, address = right_address(request.url.path)
    root = root_url(request, request.app.state.services.settings)
    raise BaseUrlWrong(base_url=root + base, address=root + address)


for _prefix in REFUSED:
    for _path in (_prefix, _prefix + "/{rest:any}"):
        router.add_route(_path, _refuse, methods=_METHODS, name=REFUSING, include_in_schema=False)


# ── one recording ─────────────────────────────────────────────────────────────────────────────────


async def _respond(request: Request, services: Services, task: Task) -> Response:
    caller = await caller_of(request)
    await services.admin.pause.check()
    services = services.serving(caller.owner)
    services.transcribing.check_room(caller.client)
    with ExitStack() as resources:
        folder = Path(resources.enter_context(_scratch_folder(services)))
        settings, is_free = services.settings, partial(is_unread, task)
        limit = settings.max_job_upload_bytes
        upload = await receive_recording(request, services, folder, max_bytes=limit, is_free=is_free)
        parsed = parse_request(
            with_model_of_address(upload.fields, request.path_params.get("deployment")),
            task=task,
            server_model=settings.groq_model,
            strict_models=settings.strict_models,
        )
        check_speakers(services, parsed.options)
        services = await _for_caller(services, caller)
        take = partial(services.transcribing.take, caller.client, upload.size_bytes)
        if parsed.stream:
            kept = await recall(services, upload.sha256, parsed.options, owner=caller.owner)
            return TranscriptionStream(
                stream_text(services, upload.path, parsed.options, take, kept=kept),
                resources=resources.pop_all(),
                refuse=lambda failure: _error_response(request, failure),
                headers=ignored_header(parsed.ignored) | note_cache(request, is_hit=kept is not None),
            )
        answering = _answer(services, upload, take, parsed, request)
        response = await respond_unless_left(answering, request.receive)
        response.headers.update(ignored_header(parsed.ignored))
        return response


async def _for_caller(services: Services, caller: Caller) -> Services:
    """They count what this caller uses of ffmpeg and of the engine's quota."""
    run_for(caller.client)
    return await services.for_client(client_id(caller.client, secret=services.key_secret))


@contextmanager
def _scratch_folder(services: Services) -> Iterator[str]:
    """A folder that is deleted with the request; after a kill, the next start deletes it."""
    services.active.transcriptions += 1
    try:
        with tempfile.TemporaryDirectory(dir=services.scratch, prefix="openai-") as folder:
            yield folder
    finally:
        services.active.transcriptions -= 1


async def _answer(
    services: Services, upload: Upload, take: Take, parsed: OpenAIRequest, request: Request
) -> Response:
    from common.transcription.whole import transcribe_whole

    transcript, is_kept = await transcribe_unless_kept(
        services,
        upload.sha256,
        parsed.options,
        lambda: transcribe_whole(services, upload.path, parsed.options, take),
        owner=(await caller_of(request)).owner,
    )
    body, kind = write_response(
        transcript, parsed, request_id=request.state.request_id, language=language_of(request)
    )
    return Response(body, headers=note_cache(request, is_hit=is_kept), media_type=kind)


handler = http_handler(router, imports=("common.transcription.whole", "common.transcription.progressive"))
