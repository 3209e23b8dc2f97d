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
from common.http.foreign_pages import KnownPages
from common.http.methods import HeadAsGet, allowed_methods
from common.http.request_log import RequestLog
from common.services import VERSION, Services


async def _services(connection: HTTPConnection) -> Services:  # async, or FastAPI would run it in a thread
    return connection.app.state.services  # type: ignore[no-any-return]


ServicesDep = Annotated[Services, Depends(_services)]


def build_app(
    *routers: APIRouter,
    cors_origins: tuple[str, ...] = (),
    public_url: str | None = None,
    is_local: bool = False,
) -> FastAPI:
    """An app that serves `routers`; `app.state.services` must be set before the first request.

    `is_local`: only programs of this machine can connect.
    """
    app = FastAPI(
        title="Escriba",
        version=VERSION,
        summary="Recordings to text, free to run. / Grabaciones a texto, sin coste.",
        description="Each change of a job is also sent over WS /ws/transcription/{job_id}?after=<seq>, "
        "in the same messages as GET /job/{job_id}/events.",
        servers=[{"url": public_url}] if public_url else None,
        openapi_url=None,  # docs_page serves it
        # Behind a proxy that ends TLS the redirect would lead to http, and a recording would follow it.
        redirect_slashes=False,
        dependencies=[Depends(KnownPages(cors_origins, public_url, is_local).check)],
        # FastAPI's own errors never leave this app, so its 422 has no place in the schema.
        responses={"default": {"description": "Any failure, in one shape", "content": _ERROR_CONTENT}},
    )
    for router in routers:
        app.include_router(router)
    # FastAPI nests the routers that it includes.
    app.state.routes = [route for router in routers for route in router.routes]
    add_docs(app)
    app.add_exception_handler(EscribaError, _handle_escriba_error)
    app.add_exception_handler(RetryLater, _handle_retry_later)
    app.add_exception_handler(HTTPException, _handle_http_exception)
    app.add_exception_handler(RequestValidationError, _handle_validation_error)
    if cors_origins:
        _allow_origins(app, cors_origins)
    app.add_middleware(HeadAsGet)
    app.add_middleware(RequestLog)
    return app


def _allow_origins(app: FastAPI, origins: tuple[str, ...]) -> None:
    from starlette.middleware.cors import CORSMiddleware

    app.add_middleware(
        CORSMiddleware,
        allow_origins=origins,
        allow_methods=["GET", "POST", "PUT", "PATCH", "DELETE"],
        allow_headers=["*"],
        allow_private_network=True,  # a page on the internet may call a server at home
        expose_headers=[
            "Retry-After",
            "RateLimit",
            "RateLimit-Policy",
            "X-Request-Id",
            "ETag",
            "Content-Disposition",
            "X-Escriba-Ignored",
            "X-Escriba-Cache",
            "X-Escriba-Speakers",
        ],
        max_age=86_400,
    )


# ── errors ────────────────────────────────────────────────────────────────────────────────────────


async def _handle_escriba_error(request: Request, exc: Exception) -> Response:
    assert isinstance(exc, EscribaError)
    return error_response(request, exc)


async def _handle_retry_later(request: Request, exc: Exception) -> Response:
    assert isinstance(exc, RetryLater)
    return error_response(request, exc.error or EngineQuotaSpent(retry_after=exc.delay))


async def _handle_http_exception(request: Request, exc: Exception) -> Response:
    assert isinstance(exc, HTTPException)
    if exc.status_code < 400:  # a redirect, say: no failure
        return Response(status_code=exc.status_code, headers=exc.headers)
    response = error_response(request, _error_of(exc, request.method))
    if exc.status_code == 405:  # the framework knows only the first route at the address
        response.headers["Allow"] = ", ".join(allowed_methods(request))
    for name, value in (exc.headers or {}).items():
        response.headers.setdefault(name, value)
    return response


def _error_of(exc: HTTPException, method: str) -> EscribaError:
    """The framework's refusal as one of ours, with its status; its text may repeat what a stranger sent."""
    if exc.status_code == 404:
        return RouteUnknown()
    if exc.status_code == 405:
        return MethodNotAllowed(method=method)
    error = RequestRefused() if exc.status_code < 500 else EscribaError()
    error.status = exc.status_code
    return error


# FastAPI reads only numbers of queries for us; everything else we read ourselves.
_NUMBER = Sentence("a number, 0 or more", "un número, 0 o más")
_WHOLE_NUMBER = Sentence("a whole number, 0 or more", "un número entero, 0 o más")


async def _handle_validation_error(request: Request, exc: Exception) -> Response:
    assert isinstance(exc, RequestValidationError)
    problem = exc.errors()[0]
    is_whole = "int" in problem["type"] or problem["loc"][-1] == "after"
    expected = _WHOLE_NUMBER if is_whole else _NUMBER
    return error_response(request, OptionInvalid(option=str(problem["loc"][-1])[:40], expected=expected))


def error_response(request: Request, error: EscribaError) -> Response:
    """The response for `error`, in the client's language."""
    request.state.error_code = error.code
    accept = request.headers.get("accept-language", "")
    status, headers, body = failure(error, accept_language=accept, request_id=request.state.request_id)
    response = Response(body, status)
    response.raw_headers = headers
    return response


# ── for endpoints ─────────────────────────────────────────────────────────────────────────────────


def language_of(connection: HTTPConnection) -> Language:
    """The language that the client prefers."""
    return spoken_language(connection.headers.get("accept-language", ""))


def json_response(
    value: dict[str, Any], status: int = 200, headers: dict[str, str] | None = None
) -> Response:
    """A JSON response that FastAPI does not validate a second time."""
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
    """OpenAPI `responses` that show each error as it is sent, grouped by status."""
    grouped: dict[int | str, dict[str, Any]] = {}
    for error in errors:
        response = grouped.setdefault(
            error.status, {"description": "", "content": {"application/json": {"examples": {}}}}
        )
        example = json.loads(failure(error, accept_language="", request_id="0c5f2f6c9d6e4c1f8b1d")[2])
        examples = response["content"]["application/json"]["examples"]
        examples[error.code] = {"value": example}
        response["description"] = " · ".join(examples)
    return grouped
