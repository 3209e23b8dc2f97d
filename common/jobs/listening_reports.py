"""Commits how far a completed job is with its speakers: a few times, in the background."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from types import TracebackType
from typing import Self

from common.errors import EscribaError
from common.jobs.commit import commit_job
from common.jobs.text_state import report_listening
from common.jobs.transition import IllegalTransition
from common.ports import StaleJob
from common.services import Services

# Each commit goes to everybody who watches, and to the store: twenty are enough for hours.
_NEWS = 0.05
_NEWS_EVERY = 2.0  # seconds


class ListeningReports:
    """Leaving the block waits for the report that is being committed."""

    def __init__(self, services: Services, job_id: str) -> None:
        self._services = services
        self._job_id = job_id
        self._commit: asyncio.Task[None] | None = None
        self._share = 0.0
        self._reported_at = 0.0

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._commit is not None:
            await self._commit

    def report(self, share: float) -> None:
        """`share` (0 to 1) of the recording is listened to."""
        now = self._services.now()
        is_committing = self._commit is not None and not self._commit.done()
        is_news = share - self._share >= _NEWS and now - self._reported_at >= _NEWS_EVERY
        if is_news and not is_committing:
            self._share, self._reported_at = share, now
            self._commit = asyncio.create_task(self._commit_share(share))

    async def _commit_share(self, share: float) -> None:
        # Whatever is wrong with the store or the job also fails the next commit, which matters.
        with suppress(StaleJob, IllegalTransition, EscribaError):
            job = await self._services.jobs.get(self._job_id)
            await commit_job(
                self._services, report_listening(job, share=share, now=self._services.now()), "progress"
            )
