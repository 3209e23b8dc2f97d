"""The embedded engine: Whisper on this machine behind Groq's speech-to-text API, as an ASGI app.

Our Groq client talks to it unchanged, in the same process or over a port. Alone it is started with
`python -m common.local.whisper.app --port 8001`.
"""

from __future__ import annotations

import argparse
import asyncio
import hmac
import logging
import secrets
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

from starlette.applications import Starlette
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import Message, Receive

from common.errors import EngineMissing, EscribaError
from common.local.whisper import groq_api, weights
from common.local.whisper.groq_api import Refused, TranscriptionRequest
from common.local.whisper.recogniser import Recogniser, Stopped
from common.models import Task

MB = 1024 * 1024
_FORM = 64 * 1024  # bytes that the rest of a form may take beside the recording

T = TypeVar("T")
Endpoint = Callable[[Request], Coroutine[Any, Any, Response]]


def build_engine(
    recogniser: Recogniser,
    *,
    api_key: str | None = None,
    max_bytes: int = 25 * MB,
    new_id: Callable[[], str] = lambda: f"req_{secrets.token_hex(13)}",
) -> Starlette:
    """The app. `api_key`, when given, is asked of every request; recordings above `max_bytes` are refused.

    Whoever runs it without its lifespan (httpx.ASGITransport does) calls `recogniser.close` in the end.
    """

    def transcriber(task: Task) -> Endpoint:
        async def transcribe(request: Request) -> Response:
            form = await _form(request, max_bytes)
            asked, recording = await _read(form, task, max_bytes)
            recognised = await _unless_gone(request.receive, recogniser.recognise(recording, asked.wish))
            if asked.response_format == "text":
                return PlainTextResponse(recognised.text)
            return JSONResponse(groq_api.answer(recognised, asked, new_id()))

        return _guarded(transcribe, api_key)

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
            Route("/openai/v1/models", _guarded(models, api_key), methods=["GET"]),
        ],
        exception_handlers={HTTPException: _no_route},
        lifespan=lifespan,
    )


def _guarded(endpoint: Endpoint, api_key: str | None) -> Endpoint:
    """The endpoint with its key asked for first, and every failure answered as Groq would."""

    async def guarded(request: Request) -> Response:
        try:
            _check_key(request, api_key)
            return await endpoint(request)
        except (Refused, EscribaError) as exc:
            return _refuse(exc if isinstance(exc, Refused) else groq_api.refusal(exc))
        except (ClientDisconnect, Stopped):
            return _refuse(Refused(499, "Request Cancelled"))
        except Exception:
            logging.getLogger(__name__).exception("the recognition failed")
            return _refuse(Refused(500, "Internal Server Error"))

    return guarded


def _refuse(refused: Refused) -> JSONResponse:
    return JSONResponse(refused.body, status_code=refused.status)


async def _no_route(request: Request, exc: Exception) -> Response:
    status = exc.status_code if isinstance(exc, HTTPException) else 500
    message = f"Unknown request URL: {request.method} {request.url.path}"
    return _refuse(Refused(status, message, code="unknown_url" if status == 404 else None))


def _check_key(request: Request, api_key: str | None) -> None:
    if api_key is None:
        return
    given = request.headers.get("authorization", "")
    if not hmac.compare_digest(given.encode(), f"Bearer {api_key}".encode()):
        raise Refused(401, "Invalid API Key", code="invalid_api_key")


# ── the form ──────────────────────────────────────────────────────────────────────────────────────


async def _form(request: Request, max_bytes: int) -> FormData:
    """The form, its recording in a nameless file that is gone once closed. Raises Refused."""
    if not request.headers.get("content-type", "").lower().startswith("multipart/form-data"):
        raise Refused(400, "request Content-Type isn't multipart/form-data")
    limit = max_bytes + _FORM
    length = request.headers.get("content-length", "")
    if length.isdecimal() and int(length) > limit:
        raise _too_large()
    capped = Request(request.scope, _capped(request.receive, limit))
    try:
        return await capped.form(max_files=1, max_fields=32, max_part_size=_FORM)
    except (MultiPartException, HTTPException) as exc:
        raise Refused(400, "could not parse the multipart form") from exc


def _capped(receive: Receive, limit: int) -> Receive:
    """`receive`, until it has brought more than `limit` bytes: a Content-Length may be missing."""
    received = 0

    async def capped() -> Message:
        nonlocal received
        message = await receive()
        received += len(message.get("body", b""))
        if received > limit:
            raise _too_large()
        return message

    return capped


async def _read(form: FormData, task: Task, max_bytes: int) -> tuple[TranscriptionRequest, BinaryIO]:
    """What is asked, and the recording, which the caller has to close. Raises Refused, the form closed."""
    try:
        fields: dict[str, list[str]] = {}
        for name, value in form.multi_items():
            fields.setdefault(name, []).append(value if isinstance(value, str) else "")
        asked = groq_api.read(fields, task)
        return asked, _recording(form, max_bytes)
    except BaseException:
        await form.close()
        raise


def _recording(form: FormData, max_bytes: int) -> BinaryIO:
    if form.get("url"):
        raise Refused(400, "this engine fetches nothing: send `file`, not `url`", param="url")
    upload = form.get("file")
    if not isinstance(upload, UploadFile):
        raise Refused(400, "`file` or `url` is a required property", param="file")
    groq_api.check_name(upload.filename)
    if (upload.size or 0) > max_bytes:
        raise _too_large()
    if not upload.size:
        raise Refused(400, "file is empty", param="file")
    return upload.file


def _too_large() -> Refused:
    return Refused(413, "Request Entity Too Large", code="request_too_large")


# ── waiting ───────────────────────────────────────────────────────────────────────────────────────


async def _unless_gone(receive: Receive, work: Coroutine[Any, Any, T]) -> T:
    """The result of `work`, which is cancelled when the client hangs up. Raises ClientDisconnect then."""
    working = asyncio.ensure_future(work)
    leaving = asyncio.ensure_future(_hang_up(receive))
    try:
        await asyncio.wait((working, leaving), return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise ClientDisconnect
        return working.result()
    finally:
        await _cancelled(working, leaving)


async def _hang_up(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _cancelled(*tasks: asyncio.Future[Any]) -> None:
    for task in tasks:
        task.cancel()
    for task in tasks:
        with suppress(asyncio.CancelledError, Exception):
            await task


# ── alone ─────────────────────────────────────────────────────────────────────────────────────────


def main(arguments: list[str] | None = None) -> None:
    """Serve the engine by itself until a signal ends it; exits with a sentence when the extra is missing."""
    given = _arguments(arguments)
    if not weights.installed(given.model):
        missing = EngineMissing()
        raise SystemExit(f"{missing.message('en')} {missing.advice('en')}")
    recogniser = Recogniser(given.models, model=given.model, threads=given.threads)
    _serve(build_engine(recogniser), given.host, given.port)


def _arguments(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m common.local.whisper.app", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8001, help="0 takes a free one")
    parser.add_argument("--models", type=Path, default=Path("data/models"), help="where weights are kept")
    parser.add_argument("--model", help="a folder or a hub name, instead of Whisper base")
    parser.add_argument("--threads", type=int, help="default: all that there are")
    return parser.parse_args(arguments)


def _serve(app: Starlette, host: str, port: int) -> None:
    import uvicorn

    class Server(uvicorn.Server):
        async def startup(self, sockets: list[Any] | None = None) -> None:
            await super().startup(sockets)
            for server in self.servers:
                address, bound = server.sockets[0].getsockname()[:2]
                print(f"engine ready: http://{address}:{bound}/openai/v1", flush=True)  # noqa: T201

    # Each connection may hold a recording on the disk, so there is an end to them.
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
