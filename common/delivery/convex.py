"""The sender to Convex: posts each job's newest snapshot to the page's database.

Convex sends nothing of its own accord and retries nothing: it has what it has confirmed to us.
https://docs.convex.dev/functions/http-actions
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, NoReturn

from common.backoff import Backoff
from common.delivery import rules
from common.jobs.view import error_view, transcript_view
from common.log import log
from common.models import Job, Transcript
from common.ports import AccountStore
from common.sender_port import DeliveryFailed, DeliveryRejected
from common.token_bucket import DAY, Bucket, Budget

if TYPE_CHECKING:
    import httpx

_PATH = "/transcription-jobs"
_TIMEOUT = 5.0
_TRIES = 3  # of one push
_BACKOFF = Backoff((0.2, 1.0))

# With the back-off of deliveries, about 50 minutes.
_TRIES_FOR_A_LATE_PAGE = 10

# Seconds without a push after the key was refused: it will not be right a moment later.
_SHUT_FOR = 60.0

# Seconds that an idle connection stays open: a running job's next snapshot comes within one or two, and
# servers close theirs after five at the earliest.
_KEEP_ALIVE = 4.0

_LARGEST_ANSWER = 64 * 1024


class ConvexSender:
    """Pushes to one deployment: `site_url` is its `https://….convex.site`, `api_key` its ESCRIBA_API_KEY.

    `problem` is None, or why nothing reaches Convex at all. `budget` counts pushes (`monthly`): a free
    deployment has a million calls a month, and every page that watches takes one for each of ours. A push
    has so many `tries`, each of at most `timeout` seconds.
    """

    def __init__(
        self,
        *,
        site_url: str,
        api_key: str,
        now: Callable[[], float],
        budget: AccountStore[Budget] | None = None,
        timeout: float = _TIMEOUT,
        tries: int = _TRIES,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.problem: str | None = None
        self._budget = budget
        self._url = site_url.rstrip("/") + _PATH
        self._api_key = api_key
        self._now = now
        self._timeout = timeout
        self._tries = tries
        self._sleep = sleep
        self._shut_until = 0.0
        self._client: httpx.AsyncClient | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    async def send(self, job: Job, result: Transcript | None, *, is_asked: bool = False) -> None:
        """Push the snapshot. Raises DeliveryFailed where a later push may succeed, else DeliveryRejected."""
        if self._now() < self._shut_until and not is_asked:
            raise DeliveryFailed("shut", retry_after=self._shut_until - self._now())
        await self._spend(job)
        body = json.dumps(snapshot_of(job, result), ensure_ascii=False).encode()
        failures = 0
        while True:
            try:
                await self._try(body)
                return
            except DeliveryFailed as failure:
                failures += 1
                if failures >= self._tries or failure.retry_after is not None:
                    raise
            await self._sleep(_BACKOFF.pause(failures))

    async def aclose(self) -> None:
        """Close the connection; a later push opens another."""
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()

    async def _spend(self, job: Job) -> None:
        """Count the push; once the budget is spent, only the end of a job still goes out at once."""
        if self._budget is None:
            return
        now = self._now()
        wait = await self._budget.change(lambda budget: budget.take(now))
        if wait and not job.has_ended:
            raise DeliveryFailed("budget", retry_after=min(wait, rules.FAR))

    async def _try(self, body: bytes) -> None:
        import httpx

        try:
            async with (
                asyncio.timeout(self._timeout),
                self._connect().stream("POST", self._url, content=body) as response,
            ):
                answer = await _beginning(response)
        except (TimeoutError, httpx.HTTPError) as exc:
            raise DeliveryFailed(type(exc).__name__) from exc
        if response.status_code != 200:
            self._refuse(response.status_code, _code(answer))
        self.problem = None

    def _connect(self) -> httpx.AsyncClient:
        """One for each event loop, since a connection dies with its loop. Making it costs 20 ms of CPU."""
        import httpx

        loop = asyncio.get_running_loop()
        if self._client is None or self._loop is not loop:
            headers = {"Authorization": f"Bearer {self._api_key}", "Content-Type": "application/json"}
            self._client = httpx.AsyncClient(
                headers=headers | {"User-Agent": "escriba", "Accept-Encoding": "identity"},
                limits=httpx.Limits(keepalive_expiry=_KEEP_ALIVE),
                timeout=self._timeout,
                trust_env=False,  # proxies and .netrc are the environment, which settings alone read
            )
            self._loop = loop
        return self._client

    def _refuse(self, status: int, code: str) -> NoReturn:
        """Raise what an answer other than 200 means."""
        if problem := _problem(status, code):
            self._shut(problem)
            raise DeliveryFailed(code or f"answered {status}", retry_after=_SHUT_FOR)
        match status, code:
            case 404, _:
                # The page may make its row after the job's end: tried for a while, then recorded.
                self.problem = None
                raise DeliveryFailed(code, retry_after=0.0, attempts=_TRIES_FOR_A_LATE_PAGE)
            case ((400 | 403 | 413), _):
                self.problem = None
                raise DeliveryRejected(code or f"answered {status}")
        raise DeliveryFailed(code or f"answered {status}")

    def _shut(self, problem: str) -> None:
        self._shut_until = self._now() + _SHUT_FOR
        if self.problem != problem:
            self.problem = problem
            log("convex.refused", level="ERROR", problem=problem)


def _problem(status: int, code: str) -> str | None:
    """Why Convex would take no job's snapshot; None where the answer concerns this one alone."""
    match status, code:
        case (401, _) | (403, "unauthorized" | ""):
            return f"Convex refuses CONVEX_API_KEY ({status})"
        case 404, _ if code != "job_not_found":
            return "CONVEX_SITE_URL has no /transcription-jobs: are the functions deployed?"
        case 503, "not_configured":
            return "ESCRIBA_API_KEY is not set on the Convex deployment"
    return None


def monthly(pushes: int) -> Budget:
    """A month's pushes: a thirtieth of them at once, and refilled over a day.

    Older versions stored a whole Quota under the same name: it is not read, the budget begins anew.
    """
    return Budget(bucket=Bucket(limit=max(1.0, pushes / 30), period=DAY, pinned=True))


def snapshot_of(job: Job, result: Transcript | None) -> dict[str, Any]:
    """The message: a whole snapshot with its `seq`, so that order and repeats do not matter.

    Times are epoch milliseconds, as Convex has them.
    """
    return {
        "jobId": job.job_id,
        "userId": job.user_id,
        "seq": job.seq,
        "run": job.run,
        "status": job.status,
        "stage": job.stage,
        "progress": job.progress,
        "chunks": {"done": job.pieces_done, "total": job.pieces_total},
        "waitingUntil": _milliseconds(job.waiting_until),
        "result": transcript_view(result, job.options, language=job.locale) if result else None,
        "error": error_view(job.error, job.locale) if job.error else None,
        "timestamps": {
            "createdAt": _milliseconds(job.created_at),
            "startedAt": _milliseconds(job.started_at),
            "completedAt": _milliseconds(job.completed_at),
        },
    }


def _milliseconds(seconds: float | None) -> int | None:
    return None if seconds is None else round(seconds * 1000)


async def _beginning(response: httpx.Response) -> bytes:
    """The body, or the beginning of one that is too large."""
    body = bytearray()
    async for part in response.aiter_raw():
        body += part
        if len(body) > _LARGEST_ANSWER:
            break
    return bytes(body)


def _code(body: bytes) -> str:
    """The error code of our Convex functions; empty where something else answers."""
    try:
        return str(json.loads(body)["error"]["code"])[:40]
    except (ValueError, KeyError, TypeError):
        return ""
