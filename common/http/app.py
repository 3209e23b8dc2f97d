"""Routers → one FastAPI app: the Services dependency, and every error as the same JSON."""

from __future__ import annotations

import json
from typing import Annotated, Any

from fastapi import APIRouter, Depends, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection

from common.errors import (
    EngineQuotaSpent,
    EscribaError,
    Language,
    MethodNotAllowed,
    OptionInvalid,
    RequestRefused,
    RetryLater,
    RouteUnknown,
    Sentence,
)
from common.http.docs_page import add_docs
from common.http.error_response import failure, spoken_language
from common.http.request_log import RequestLog
from common.services import VERSION, Services


async def _services(connection: HTTPConnection) -> Services:  # FastAPI runs what is not async in a thread
    return connection.app.state.services  # type: ignore[no-any-return]


Served = Annotated[Services, Depends(_services)]


def build_app(*routers: APIRouter, cors_origins: tuple[str, ...] = ()) -> FastAPI:
    """An app that serves `routers`; `app.state.services` must be set before the first request."""
    app = FastAPI(
        title="Escriba",
        version=VERSION,
        summary="Recordings to text, free to run. / Grabaciones a texto, sin coste.",
        description="Each change of a job is also told over WS /ws/transcription/{job_id}?after=<seq>, "
        "in the same messages as GET /job/{job_id}/events.",
        # Ours instead: docs_page.
        openapi_url=None,
        # It would be to http behind a proxy that takes TLS off, and a recording would follow it there.
        redirect_slashes=False,
        # FastAPI's own errors never leave this app, so its 422 has no place in the schema.
        responses={"default": {"description": "Any failure, in one shape", "content": _ERROR_CONTENT}},
    )
    for router in routers:
        app.include_router(router)
    add_docs(app)
    app.add_exception_handler(EscribaError, _escriba_error)
    app.add_exception_handler(RetryLater, _retry_later)
    app.add_exception_handler(HTTPException, _http_exception)
    app.add_exception_handler(RequestValidationError, _validation_error)
    if cors_origins:
        _allow_origins(app, cors_origins)
    app.add_middleware(RequestLog)
    return app


def _allow_origins(app: FastAPI, origins: tuple[str, ...]) -> None:
    from starlette.middleware.cors import CORSMiddleware

    app.add_middleware(
        CORSMiddleware,
        allow_origins=origins,
        allow_methods=["GET", "POST", "DELETE"],
        allow_headers=["*"],
        expose_headers=["Retry-After", "X-Request-Id", "ETag", "Content-Disposition"],
        max_age=86_400,
    )


async def _escriba_error(request: Request, exc: Exception) -> Response:
    assert isinstance(exc, EscribaError)
    return failed(request, exc)


async def _retry_later(request: Request, exc: Exception) -> Response:
    assert isinstance(exc, RetryLater)
    return failed(request, EngineQuotaSpent(retry_after=exc.delay))


async def _http_exception(request: Request, exc: Exception) -> Response:
    assert isinstance(exc, HTTPException)
    refused: dict[int, EscribaError] = {404: RouteUnknown(), 405: MethodNotAllowed(method=request.method)}
    answer = failed(request, refused.get(exc.status_code, RequestRefused()))
    if allowed := (exc.headers or {}).get("Allow"):
        answer.headers["Allow"] = allowed
    return answer


# All that FastAPI reads for us is numbers, in queries; what else comes, we read ourselves.
_NUMBER = Sentence("a number, 0 or more", "un número, 0 o más")
_WHOLE_NUMBER = Sentence("a whole number, 0 or more", "un número entero, 0 o más")


async def _validation_error(request: Request, exc: Exception) -> Response:
    assert isinstance(exc, RequestValidationError)
    problem = exc.errors()[0]
    whole = "int" in problem["type"] or problem["loc"][-1] == "after"
    expected = _WHOLE_NUMBER if whole else _NUMBER
    return failed(request, OptionInvalid(option=str(problem["loc"][-1])[:40], expected=expected))


def locale_of(connection: HTTPConnection) -> Language:
    """The language that whoever asks reads."""
    return spoken_language(connection.headers.get("accept-language", ""))


def failed(request: Request, error: EscribaError) -> Response:
    """The answer for `error`, in the reader's language."""
    accept = request.headers.get("accept-language", "")
    status, headers, body = failure(error, accept_language=accept, request_id=request.state.request_id)
    answer = Response(body, status)
    answer.raw_headers = headers
    return answer


def json_answer(value: dict[str, Any], status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """A JSON answer that is not validated a second time."""
    body = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return Response(body, status, headers, media_type="application/json")


_ERROR_CONTENT = {
    "application/json": {
        "schema": {
            "type": "object",
            "required": ["error"],
            "properties": {
                "error": {
                    "type": "object",
                    "required": ["code", "message", "requestId"],
                    "properties": {
                        "code": {"type": "string"},
                        "message": {"type": "string"},
                        "hint": {"type": "string"},
                        "requestId": {"type": "string"},
                        "retryAfter": {"type": "integer", "description": "seconds"},
                    },
                }
            },
        }
    }
}


def error_examples(*errors: EscribaError) -> dict[int | str, dict[str, Any]]:
    """OpenAPI `responses` that show each error as it is answered, grouped by status."""
    grouped: dict[int | str, dict[str, Any]] = {}
    for error in errors:
        answer = grouped.setdefault(
            error.status, {"description": "", "content": {"application/json": {"examples": {}}}}
        )
        shown = json.loads(failure(error, accept_language="", request_id="0c5f2f6c9d6e4c1f8b1d")[2])
        answer["content"]["application/json"]["examples"][error.code] = {"value": shown}
        answer["description"] = " · ".join(answer["content"]["application/json"]["examples"])
    return grouped
