"""A job while it runs: its newest value, its changes in order, and how far its preparation is."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from typing import Generic, TypeVar

from common.errors import Busy, EscribaError, StoreUnavailable
from common.jobs import state
from common.jobs.commit import commit_job
from common.jobs.events import Kind
from common.models import Job, Piece, Transcript
from common.ports import AccountStore, StaleJob
from common.services import Services

A = TypeVar("A")
T = TypeVar("T")

_PROGRESS_EVERY = 1.0  # seconds between two commits of mere progress


class RunningJob:
    """`job` is the value that was committed last."""

    def __init__(self, services: Services, job: Job) -> None:
        self.job = job
        self._services = services
        self._lock = asyncio.Lock()

    async def change(
        self,
        transition: Callable[[Job], Job],
        kind: Kind = "state",
        *,
        piece: Piece | None = None,
        result: Transcript | None = None,
    ) -> None:
        """Commit the next value of the job. Pieces end side by side: each change starts from the last one."""
        async with self._lock:
            after = transition(self.job)
            self.job = await retry_while_busy(
                lambda: commit_job(self._services, after, kind, piece=piece, result=result)
            )


class ProgressReports:
    """Commits how far a job's preparation is, no more often than watchers can use it."""

    def __init__(self, running: RunningJob, *, now: Callable[[], float]) -> None:
        self._running = running
        self._now = now
        self._commit: asyncio.Task[None] | None = None
        self._reported_at = 0.0

    def report(self, share: float) -> None:
        """`share` (0 to 1) of the recording is prepared."""
        self.report_change(lambda job: state.prepare(job, share=share, now=self._now()))

    def report_change(self, transition: Callable[[Job], Job]) -> None:
        """Mere progress: it is committed in the background, or passed over."""
        is_committing = self._commit is not None and not self._commit.done()
        if self._now() - self._reported_at >= _PROGRESS_EVERY and not is_committing:
            self._reported_at = self._now()
            self._commit = asyncio.create_task(self._commit_change(transition))

    async def finish(self) -> None:
        """Wait for the report that is being committed."""
        if self._commit is not None:
            await self._commit

    async def _commit_change(self, transition: Callable[[Job], Job]) -> None:
        # Whatever is wrong with the store or the job also fails the next commit, which matters.
        with suppress(StaleJob, state.IllegalTransition, EscribaError):
            await self._running.change(transition, "progress")


async def retry_while_busy(step: Callable[[], Awaitable[T]]) -> T:
    """Repeat a step while the store is locked or away, since the engine's work is paid for.

    The loss of the lease ends that.
    """
    while True:
        try:
            return await step()
        except (Busy, StoreUnavailable) as exc:
            await asyncio.sleep(exc.retry_after or 1.0)


class PersistentAccount(Generic[A]):
    """An account of a run: while the store is away it waits, so that no other piece of the run is lost."""

    def __init__(self, account: AccountStore[A]) -> None:
        self._account = account

    async def change(self, decide: Callable[[A], tuple[A, T]]) -> T:
        return await retry_while_busy(lambda: self._account.change(decide))

    async def read(self) -> A:
        return await self._account.read()


async def counting_services(services: Services, job: Job) -> Services:
    """They count what the job takes of the engine's quota, and what its client has used of it."""
    services = await services.for_client(job.client)
    if services.quota:
        services = replace(services, quota=PersistentAccount(services.quota))
    if client := services.client_quota:
        client = replace(client, account=PersistentAccount(client.account))
        services = replace(services, client_quota=client)
    return services
