"""The embedded engine: Whisper on this machine behind Groq's speech-to-text API, as an ASGI app.

Our Groq client calls it unchanged, in the same process or over a port. As a program of its own it is started
with `python -m common.local.whisper.app --port 8001`.
"""

from __future__ import annotations

import argparse
import hmac
import logging
import secrets
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from common.errors import EngineMissing, EscribaError
from common.local.whisper import groq_api, weights
from common.local.whisper.disconnect import run_while_connected
from common.local.whisper.form import parse_form
from common.local.whisper.groq_api import ApiError
from common.local.whisper.recogniser import Recogniser, RecognitionCancelled
from common.local.whisper.recognition import RecognitionResult
from common.local.whisper.stream import accepts_events, respond_with_events
from common.models import Task

MB = 1024 * 1024

Endpoint = Callable[[Request], Coroutine[Any, Any, Response]]


def build_engine(
    recogniser: Recogniser,
    *,
    api_key: str | None = None,
    max_bytes: int = 25 * MB,
    new_id: Callable[[], str] = lambda: f"req_{secrets.token_hex(13)}",
) -> Starlette:
    """The app. With `api_key`, every request needs it; recordings above `max_bytes` are refused.

    A caller that runs the app without its lifespan (httpx.ASGITransport does) must call `recogniser.close`.
    """

    def transcriber(task: Task) -> Endpoint:
        async def transcribe(request: Request) -> Response:
            transcription, recording = await parse_form(request, task, max_bytes)
            recognise = partial(recogniser.recognise, recording, transcription.options)

            def body(result: RecognitionResult) -> dict[str, Any]:
                return groq_api.response_body(result, transcription, new_id())

            if transcription.response_format == "verbose_json" and accepts_events(request):
                return await respond_with_events(request, recognise, body)
            result = await run_while_connected(request.receive, recognise())
            if transcription.response_format == "text":
                return PlainTextResponse(result.text)
            return JSONResponse(body(result))

        return _with_groq_errors(transcribe, api_key)

    async def models(_: Request) -> Response:
        return JSONResponse(groq_api.model_list())

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        yield
        recogniser.close()

    return Starlette(
        routes=[
            Route("/openai/v1/audio/transcriptions", transcriber("transcribe"), methods=["POST"]),
            Route("/openai/v1/audio/translations", transcriber("translate"), methods=["POST"]),
            Route("/openai/v1/models", _with_groq_errors(models, api_key), methods=["GET"]),
        ],
        exception_handlers={HTTPException: _unknown_route},
        lifespan=lifespan,
    )


def _with_groq_errors(endpoint: Endpoint, api_key: str | None) -> Endpoint:
    """The endpoint behind a check of the key, with every failure answered as Groq would answer it."""

    async def answer(request: Request) -> Response:
        try:
            _check_key(request, api_key)
            return await endpoint(request)
        except ApiError as error:
            return _error_response(error)
        except EscribaError as error:
            return _error_response(groq_api.api_error_from(error))
        except (ClientDisconnect, RecognitionCancelled):
            return _error_response(ApiError(499, "Request Cancelled"))
        except Exception:
            logging.getLogger(__name__).exception("the recognition failed")
            return _error_response(ApiError(500, "Internal Server Error"))

    return answer


def _error_response(error: ApiError) -> JSONResponse:
    return JSONResponse(error.body, status_code=error.status)


async def _unknown_route(request: Request, exc: Exception) -> Response:
    status = exc.status_code if isinstance(exc, HTTPException) else 500
    message = f"Unknown request URL: {request.method} {request.url.path}"
    return _error_response(ApiError(status, message, code="unknown_url" if status == 404 else None))


def _check_key(request: Request, api_key: str | None) -> None:
    if api_key is None:
        return
    authorization = request.headers.get("authorization", "")
    if not hmac.compare_digest(authorization.encode(), f"Bearer {api_key}".encode()):
        raise ApiError(401, "Invalid API Key", code="invalid_api_key")


# ── as a program of its own ───────────────────────────────────────────────────────────────────────


def main(command_line: list[str] | None = None) -> None:
    """Serve the engine until a signal ends it; exit with a sentence when the `local` extra is missing."""
    arguments = _parse_arguments(command_line)
    if not weights.is_installed(arguments.model):
        missing = EngineMissing()
        raise SystemExit(f"{missing.message('en')} {missing.advice('en')}")
    recogniser = Recogniser(arguments.models, model=arguments.model, threads=arguments.threads)
    _serve(build_engine(recogniser), arguments.host, arguments.port)


def _parse_arguments(command_line: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m common.local.whisper.app", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8001, help="0 takes a free one")
    parser.add_argument("--models", type=Path, default=Path("data/models"), help="where weights are kept")
    parser.add_argument("--model", help="a folder or a hub name, instead of Whisper base")
    parser.add_argument("--threads", type=int, help="default: all that there are")
    return parser.parse_args(command_line)


def _serve(app: Starlette, host: str, port: int) -> None:
    import uvicorn

    class Server(uvicorn.Server):
        async def startup(self, sockets: list[Any] | None = None) -> None:
            await super().startup(sockets)
            for server in self.servers:
                address, bound = server.sockets[0].getsockname()[:2]
                print(f"engine ready: http://{address}:{bound}/openai/v1", flush=True)  # noqa: T201

    # Each connection may hold a recording on the disk, so their number is limited.
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        log_level="warning",
        limit_concurrency=32,
        timeout_graceful_shutdown=5,
    )
    Server(config).run()


if __name__ == "__main__":
    main()
