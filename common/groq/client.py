"""The client of Groq's speech-to-text, or of any server with its API: files in, transcripts out.

Everything that goes wrong becomes one of our own errors here, in `groq/errors` or in `groq/response`, and
nowhere else. https://console.groq.com/docs/speech-to-text
"""

from __future__ import annotations

import asyncio
import random
import secrets
import ssl
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING

from common.backoff import Backoff, doubling
from common.errors import EngineBroken, EngineFailed, EngineTimeout, EngineUnreachable
from common.groq.errors import EngineResponse, error_from, quota_news_from
from common.groq.events import MEDIA_TYPE, OnSegments, read_events
from common.groq.multipart import MultipartBody
from common.groq.request import EngineRequest, build_request
from common.groq.response import parse_transcript
from common.models import Options, Transcript
from common.quota import QuotaNews

if TYPE_CHECKING:
    import httpx

# Timeouts in seconds that do not grow with the recording: to connect, and for the engine to queue and answer.
_CONNECT = 10.0
_GRACE = 30.0
# A connection fails that does not take one block of the form in this time, or is slower than this in all.
_WRITE = 60.0
_SLOWEST_LINE = 50_000  # bytes a second

_LARGEST_ANSWER = 32 * 1024 * 1024
_LARGEST_ERROR = 64 * 1024

# An engine that streams sends its segments as events, any other its answer at the end.
_STREAM = f"{MEDIA_TYPE}, application/json"

# Seconds between two attempts of one call, at most; if the engine asks for a longer pause, the call fails.
_LONGEST_PAUSE = 10.0
_BACKOFF = Backoff(doubling(1.0, 5.0), spread=0.5)


class Groq:
    """One per process; it imports and opens nothing before the first call.

    `transport` makes a transport to use instead of sockets, such as an `httpx.ASGITransport` (built with
    `raise_app_exceptions=False`) around an engine in this process. `wait_per_second` is how many seconds to
    wait for an answer per second of audio: Groq needs 0.005, an engine on a small CPU may need more than 1.
    `only_model` names the model of an engine that has one only, whichever model is requested.
    `is_embedded`: it is our own, which detects among several languages and tells that of each segment.
    `streams`: it may answer with events where it is asked to; it need not. `on_quota` is
    awaited with the quota that each response states, errors included. Tests pass `sleep`, `jitter` (0 to 1)
    and `boundary` (unguessable).

    No connection is kept open between calls. A handshake costs little beside a transcription; while Lambda
    freezes a process, its connections may be cut, and a connection belongs to an event loop, which Lambda's
    next invocation no longer has. So one client works on any loop.
    """

    def __init__(
        self,
        *,
        base_url: str,
        api_key: str | None,
        model: str,
        only_model: str | None = None,
        is_embedded: bool = False,
        streams: bool = False,
        transport: Callable[[], httpx.AsyncBaseTransport] | None = None,
        max_attempts: int = 3,
        wait_per_second: float = 0.1,
        on_quota: Callable[[QuotaNews], Awaitable[None]] | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        jitter: Callable[[], float] = random.random,
        boundary: Callable[[], str] = secrets.token_hex,
    ) -> None:
        self._only_model = only_model
        self.is_embedded = is_embedded
        self._streams = streams
        self.model = model
        self._base_url = base_url.rstrip("/")
        self._api_key = api_key
        self._transport = transport
        self._max_attempts = max_attempts
        self._wait_per_second = wait_per_second
        self._on_quota = on_quota
        self._sleep = sleep
        self._jitter = jitter
        self._boundary = boundary
        self._client: httpx.AsyncClient | None = None

    async def transcribe(
        self,
        audio: Path,
        *,
        format: str,  # noqa: A002 - as in PreparedAudio and PieceFile
        duration: float,
        options: Options,
        on_segments: OnSegments | None = None,
    ) -> Transcript:
        """Send `audio` (at most 25 MB, `format` an extension that Groq takes) and parse the transcript.

        `duration` is in seconds; `model` in the transcript is the one that ran (turbo cannot translate, so v3
        does). From an engine that streams, `on_segments` gets its segments as they come; from the first one
        again where it is called once more. A transient failure of the engine is retried a few times. Raises
        RetryLater (the quota is spent), AudioOverQuota, AudioUnreadable, AudioTooShort or another
        EngineFailed; OSError when the file cannot be read.
        """
        request = build_request(options, self.model, takes_languages=self.is_embedded)
        with audio.open("rb", buffering=0) as file:
            form = MultipartBody(request.fields, file.fileno(), extension=format, boundary=self._boundary())
            response = await self._send_with_retries(request, form, duration, on_segments)
        return parse_transcript(
            response.body,
            options=options,
            duration=duration,
            model=self._only_model or request.model,
            warnings=request.warnings,
        )

    async def aclose(self) -> None:
        """Close the HTTP client; a later call opens a new one."""
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()

    async def _send_with_retries(
        self, request: EngineRequest, form: MultipartBody, duration: float, on_segments: OnSegments | None
    ) -> EngineResponse:
        """The first response with status 200; after the last attempt, its failure is raised."""
        attempt = 1
        while True:
            try:
                return await self._send(request, form, duration, on_segments)
            except (EngineBroken, EngineUnreachable) as failure:
                pause = self._pause_after(attempt, failure)
                if attempt >= self._max_attempts or pause > _LONGEST_PAUSE:
                    raise
            await self._sleep(pause)
            attempt += 1

    def _pause_after(self, attempt: int, failure: EngineFailed) -> float:
        """Seconds to wait before the next attempt of this call."""
        return max(_BACKOFF.pause(attempt, self._jitter()), failure.retry_after or 0.0)

    async def _send(
        self, request: EngineRequest, form: MultipartBody, duration: float, on_segments: OnSegments | None
    ) -> EngineResponse:
        import httpx

        answer_timeout = _GRACE + duration * self._wait_per_second
        try:
            async with asyncio.timeout(answer_timeout + form.size_bytes / _SLOWEST_LINE):
                response = await self._post(request, form, answer_timeout, on_segments)
        except (TimeoutError, httpx.HTTPError) as exc:
            raise _transport_error(exc) from exc
        if self._on_quota and not (news := quota_news_from(response, request.model)).is_empty:
            await self._on_quota(news)
        if response.status != 200:
            raise error_from(response)
        return response

    async def _post(
        self,
        request: EngineRequest,
        form: MultipartBody,
        answer_timeout: float,
        on_segments: OnSegments | None,
    ) -> EngineResponse:
        import httpx

        timeout = httpx.Timeout(connect=_CONNECT, read=answer_timeout, write=_WRITE, pool=_CONNECT)
        url = self._base_url + request.path
        headers = form.headers | ({"Accept": _STREAM} if self._streams and on_segments else {})
        async with self._http_client().stream(
            "POST", url, content=form, headers=headers, timeout=timeout
        ) as response:
            body = await _read(response, on_segments)
            return EngineResponse(response.status_code, response.headers, body)

    def _http_client(self) -> httpx.AsyncClient:
        if self._client is None:
            import httpx

            self._client = httpx.AsyncClient(
                transport=self._transport() if self._transport else None,
                verify=_tls_context(self._base_url),
                headers=self._headers(),
                limits=httpx.Limits(max_connections=None, max_keepalive_connections=0),
                trust_env=False,  # proxies and .netrc come from the environment, which only settings.py reads
            )
        return self._client

    def _headers(self) -> dict[str, str]:
        """No compression: the size of a compressed response would have to be limited twice."""
        headers = {"User-Agent": "escriba", "Accept": "application/json", "Accept-Encoding": "identity"}
        return headers | ({"Authorization": f"Bearer {self._api_key}"} if self._api_key else {})


async def _read(response: httpx.Response, on_segments: OnSegments | None) -> bytes:
    is_stream = response.headers.get("content-type", "").startswith(MEDIA_TYPE)
    if response.status_code == 200 and is_stream and on_segments:
        return await read_events(response.aiter_raw(), on_segments, max_bytes=2 * _LARGEST_ANSWER)
    return await _read_body(response)


async def _read_body(response: httpx.Response) -> bytes:
    """The body, up to a limit; of an error the beginning is enough."""
    limit = _LARGEST_ANSWER if response.status_code == 200 else _LARGEST_ERROR
    body = bytearray()
    async for block in response.aiter_raw():
        body += block
        if len(body) > limit:
            break
    if response.status_code == 200 and len(body) > limit:
        raise EngineBroken(reason="an endless answer")
    return bytes(body)


def _transport_error(exc: Exception) -> EngineFailed:
    """The error of a request without a complete response: it timed out, broke off, or never arrived."""
    import httpx

    match exc:
        case httpx.ConnectTimeout() | httpx.PoolTimeout() | httpx.NetworkError():
            return EngineUnreachable(reason=type(exc).__name__)
        case TimeoutError() | httpx.TimeoutException():
            return EngineTimeout(reason=type(exc).__name__)
    return EngineBroken(reason=type(exc).__name__)


def _tls_context(base_url: str) -> ssl.SSLContext | bool:
    """Without TLS, an empty context: loading the certificate authorities costs 20 ms of CPU."""
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT) if base_url.startswith("http://") else True
