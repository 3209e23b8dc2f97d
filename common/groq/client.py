"""The client of Groq's speech-to-text, or of any server that speaks its API: files in, transcripts out.

All that goes wrong on the way becomes one of our own errors here, in `refusals` or in `answers`,
and nowhere else. https://console.groq.com/docs/speech-to-text
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
from common.groq.errors import Answer, failure_of, news_of
from common.groq.multipart import MultipartBody
from common.groq.request import EngineRequest, plan
from common.groq.response import transcript_of
from common.models import Options, Transcript
from common.quota import QuotaNews

if TYPE_CHECKING:
    import httpx

# Seconds for what does not grow with the recording: connecting, queueing, answering.
_CONNECT = 10.0
_GRACE = 30.0
# One piece of a form that takes longer than this to go out goes nowhere; slower lines are given up.
_STUCK = 60.0
_SLOWEST_LINE = 50_000  # bytes a second

_LARGEST_ANSWER = 32 * 1024 * 1024
_LARGEST_REFUSAL = 64 * 1024

# The longest pause between two attempts of one call; whoever is told to wait longer hands the call back.
_LONGEST_PAUSE = 10.0
_BACKOFF = Backoff(doubling(1.0, 5.0), spread=0.5)


class Groq:
    """One per process; nothing is imported or opened before the first call.

    `transport` makes what carries the requests instead of sockets, such as an `httpx.ASGITransport` (built
    with `raise_app_exceptions=False`) around an engine in this process. `patience` is how many seconds of
    silence are borne per second of audio: Groq needs 0.005, an engine on a small CPU may need more than 1.
    `runs` names the model of an engine that has only one, whatever is asked for.
    `on_quota` is awaited with what each answer tells of the quota, refusals included. `sleep`, `jitter`
    (0 to 1) and `boundary` (unguessable) are here for tests.

    No connection is kept open between calls. A handshake is nothing beside a transcription; a kept
    connection is one that Lambda's freezing may have cut, and it belongs to an event loop that, under
    Lambda, is gone at the next invocation. So the same client serves any loop.
    """

    def __init__(
        self,
        *,
        base_url: str,
        api_key: str | None,
        model: str,
        name: str = "groq",
        runs: str | None = None,
        transport: Callable[[], httpx.AsyncBaseTransport] | None = None,
        max_attempts: int = 3,
        patience: float = 0.1,
        on_quota: Callable[[QuotaNews], Awaitable[None]] | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        jitter: Callable[[], float] = random.random,
        boundary: Callable[[], str] = secrets.token_hex,
    ) -> None:
        self.name = name
        self._runs = runs
        self.model = model
        self._base_url = base_url.rstrip("/")
        self._api_key = api_key
        self._transport = transport
        self._max_attempts = max_attempts
        self._patience = patience
        self._on_quota = on_quota
        self._sleep = sleep
        self._jitter = jitter
        self._boundary = boundary
        self._client: httpx.AsyncClient | None = None

    async def transcribe(
        self,
        audio: Path,
        *,
        format: str,  # noqa: A002 - what it is called wherever audio is prepared
        duration: float,
        options: Options,
    ) -> Transcript:
        """Send `audio` (at most 25 MB, an ending in `format` that Groq takes) and read what was said.

        `duration` is in seconds; `model` in the answer is the one that ran (turbo cannot translate, so v3
        does). Passing troubles of the engine are tried again a few times within this
        call. Raises RetryLater (the quota is spent), AudioOverQuota, AudioUnreadable, AudioTooShort or
        another EngineFailed; OSError when the file cannot be read.
        """
        ask = plan(options, self.model)
        with audio.open("rb", buffering=0) as file:
            form = MultipartBody(ask.fields, file.fileno(), ending=format, boundary=self._boundary())
            answer = await self._deliver(ask, form, duration)
        return transcript_of(
            answer.body,
            options=options,
            duration=duration,
            model=self._runs or ask.model,
            warnings=ask.warnings,
        )

    async def aclose(self) -> None:
        """Let go of what the client holds; a later call starts anew."""
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()

    async def _deliver(self, ask: EngineRequest, form: MultipartBody, duration: float) -> Answer:
        """The first answer of 200; troubles that pass are slept over, the last one is raised."""
        attempt = 1
        while True:
            try:
                return await self._attempt(ask, form, duration)
            except (EngineBroken, EngineUnreachable) as trouble:
                pause = self._pause(attempt, trouble)
                if attempt >= self._max_attempts or pause > _LONGEST_PAUSE:
                    raise
            await self._sleep(pause)
            attempt += 1

    def _pause(self, attempt: int, trouble: EngineFailed) -> float:
        return max(_BACKOFF.pause(attempt, self._jitter()), trouble.retry_after or 0.0)

    async def _attempt(self, ask: EngineRequest, form: MultipartBody, duration: float) -> Answer:
        import httpx

        silence = _GRACE + duration * self._patience
        try:
            async with asyncio.timeout(silence + form.size_bytes / _SLOWEST_LINE):
                answer = await self._post(ask, form, silence)
        except (TimeoutError, httpx.HTTPError) as exc:
            raise _failure_on_the_way(exc) from exc
        if self._on_quota and not (news := news_of(answer, ask.model)).is_empty:
            await self._on_quota(news)
        if answer.status != 200:
            raise failure_of(answer)
        return answer

    async def _post(self, ask: EngineRequest, form: MultipartBody, silence: float) -> Answer:
        import httpx

        timeout = httpx.Timeout(connect=_CONNECT, read=silence, write=_STUCK, pool=_CONNECT)
        url = self._base_url + ask.path
        async with self._opened().stream(
            "POST", url, content=form, headers=form.headers, timeout=timeout
        ) as response:
            return Answer(response.status_code, response.headers, await _read(response))

    def _opened(self) -> httpx.AsyncClient:
        if self._client is None:
            import httpx

            self._client = httpx.AsyncClient(
                transport=self._transport() if self._transport else None,
                verify=_trust(self._base_url),
                headers=self._headers(),
                limits=httpx.Limits(max_connections=None, max_keepalive_connections=0),
                trust_env=False,  # proxies and .netrc are the environment, which settings alone read
            )
        return self._client

    def _headers(self) -> dict[str, str]:
        """Compressed answers are not asked for: they would have to be bounded twice."""
        headers = {"User-Agent": "escriba", "Accept": "application/json", "Accept-Encoding": "identity"}
        return headers | ({"Authorization": f"Bearer {self._api_key}"} if self._api_key else {})


async def _read(response: httpx.Response) -> bytes:
    """The body as it came, within bounds; of a refusal the beginning is enough."""
    limit = _LARGEST_ANSWER if response.status_code == 200 else _LARGEST_REFUSAL
    body = bytearray()
    async for piece in response.aiter_raw():
        body += piece
        if len(body) > limit:
            break
    if response.status_code == 200 and len(body) > limit:
        raise EngineBroken(reason="an answer without end")
    return bytes(body)


def _failure_on_the_way(exc: Exception) -> EngineFailed:
    """A request that got no whole answer: too late, cut, or never arrived."""
    import httpx

    match exc:
        case httpx.ConnectTimeout() | httpx.PoolTimeout() | httpx.NetworkError():
            return EngineUnreachable(reason=type(exc).__name__)
        case TimeoutError() | httpx.TimeoutException():
            return EngineTimeout(reason=type(exc).__name__)
    return EngineBroken(reason=type(exc).__name__)


def _trust(base_url: str) -> ssl.SSLContext | bool:
    """Reading the certificate authorities costs 20 ms of CPU, for nothing where there is no TLS."""
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT) if base_url.startswith("http://") else True
