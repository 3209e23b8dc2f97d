"""The courier to Convex: each job's newest snapshot to the page's database, until it is confirmed.

Convex answers nothing of its own accord and retries nothing: what it has is what we saw it confirm.
https://docs.convex.dev/functions/http-actions
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from common.job_view import error_view, transcript_view
from common.jobs.couriers import NotDelivered, Undeliverable
from common.log import log
from common.models import Job, Transcript
from common.ports import QuotaStore
from common.quota import Quota, Wait

if TYPE_CHECKING:
    import httpx

_PATH = "/transcription-jobs"
_TIMEOUT = 5.0
_PAUSES = (0.2, 1.0)  # between the three tries of one push

# With the outbox's back-off, about 40 minutes.
_TRIES_FOR_A_LATE_PAGE = 6

# How long nothing is sent after the key was refused: it will not be right a moment later.
_SHUT_FOR = 60.0


class Convex:
    """`site_url` is the deployment's `https://….convex.site`, `api_key` what it knows as ESCRIBA_API_KEY.

    `problem` is None, or why nothing reaches Convex at all. `budget` counts pushes (`monthly`): a free
    deployment has a million calls a month, and every page that watches takes one for each of ours. Each
    push opens a connection of its own, so one courier serves any event loop.
    """

    def __init__(
        self,
        *,
        site_url: str,
        api_key: str,
        now: Callable[[], float],
        budget: QuotaStore | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.problem: str | None = None
        self._budget = budget
        self._url = site_url.rstrip("/") + _PATH
        self._api_key = api_key
        self._now = now
        self._sleep = sleep
        self._shut_until = 0.0

    async def push(self, job: Job, result: Transcript | None) -> None:
        """Three tries. Raises NotDelivered to be asked again, Undeliverable for what will never be taken."""
        if self._now() < self._shut_until:
            raise NotDelivered("shut", retry_after=self._shut_until - self._now())
        await self._spend(job)
        body = json.dumps(snapshot_of(job, result), ensure_ascii=False).encode()
        for pause in (*_PAUSES, None):
            try:
                await self._try(body)
                return
            except NotDelivered as exc:
                if pause is None or exc.retry_after is not None:
                    raise
                await self._sleep(pause)

    async def _spend(self, job: Job) -> None:
        """Count the push; when the budget is spent, only the end of a job still goes out at once."""
        if self._budget is None:
            return
        now = self._now()

        def take(account: Quota) -> tuple[Quota, Wait | None]:
            taken = account.reserve(now, 0.0)
            return (account, taken) if isinstance(taken, Wait) else (taken, None)

        wait = await self._budget.change(take)
        if wait and not job.ended:
            raise NotDelivered("budget", retry_after=wait.delay)

    async def _try(self, body: bytes) -> None:
        import httpx

        try:
            async with asyncio.timeout(_TIMEOUT), self._opened() as client:
                answer = await client.post(self._url, content=body)
        except (TimeoutError, httpx.HTTPError) as exc:
            raise NotDelivered(type(exc).__name__) from exc
        if answer.status_code == 200:
            self.problem = None
            return
        self._refused(answer.status_code, _code(answer))

    def _opened(self) -> httpx.AsyncClient:
        import httpx

        headers = {"Authorization": f"Bearer {self._api_key}", "Content-Type": "application/json"}
        return httpx.AsyncClient(headers=headers, timeout=_TIMEOUT, trust_env=False)

    def _refused(self, status: int, code: str) -> None:
        match status, code:
            case (401, _) | (403, "unauthorized" | ""):
                self._shut(f"Convex refuses CONVEX_API_KEY ({status})")
                raise NotDelivered("unauthorized", retry_after=_SHUT_FOR)
            case 404, "job_not_found":
                # The page may make its row after we finished: asked again for a while, then recorded.
                raise NotDelivered(code, retry_after=0.0, attempts=_TRIES_FOR_A_LATE_PAGE)
            case 404, _:
                self._shut("CONVEX_SITE_URL has no /transcription-jobs: are the functions deployed?")
                raise NotDelivered("no_such_address", retry_after=_SHUT_FOR)
            case ((400 | 403 | 413), _):
                raise Undeliverable(code or f"answered {status}")
        raise NotDelivered(code or f"answered {status}")

    def _shut(self, problem: str) -> None:
        self._shut_until = self._now() + _SHUT_FOR
        if self.problem != problem:
            self.problem = problem
            log("convex.refused", level="ERROR", problem=problem)


def monthly(pushes: int) -> Quota:
    """The account of a month's pushes: a thirtieth of them at once, and refilled over a day."""
    unlimited = 1e12
    return Quota.with_limits(
        requests_per_minute=unlimited,
        requests_per_day=max(1.0, pushes / 30),
        audio_per_hour=unlimited,
        audio_per_day=unlimited,
    )


def snapshot_of(job: Job, result: Transcript | None) -> dict[str, Any]:
    """The message: a whole snapshot with its `seq`, so that order and repeats do not matter. Times are
    epoch milliseconds, as Convex has them."""
    return {
        "jobId": job.job_id,
        "userId": job.user_id,
        "seq": job.seq,
        "run": job.run,
        "status": job.status,
        "stage": job.stage,
        "progress": job.progress,
        "chunks": {"done": job.chunks_done, "total": job.chunks_total},
        "waitingUntil": _milliseconds(job.waiting_until),
        "result": transcript_view(result, job.options) if result else None,
        "error": error_view(job.error, job.reader) if job.error else None,
        "timestamps": {
            "createdAt": _milliseconds(job.created_at),
            "startedAt": _milliseconds(job.started_at),
            "completedAt": _milliseconds(job.completed_at),
        },
    }


def _milliseconds(seconds: float | None) -> int | None:
    return None if seconds is None else round(seconds * 1000)


def _code(answer: httpx.Response) -> str:
    try:
        return str(answer.json()["error"]["code"])[:40]
    except (ValueError, KeyError, TypeError):
        return ""
