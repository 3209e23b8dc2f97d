"""Runs the container's jobs: a few at once, in fair order, each under a lease; gives them back at the end."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress

from common.errors import EscribaError
from common.log import log
from common.services import Services
from common.stores import RunQueue

# Seconds: a job that falls due while nothing else happens is noticed this late at most.
POLL_EVERY = 1.0

# Seconds: what a piece that is nearly done may still take, so that the engine need not be asked again.
_LAST_MOMENT = 0.75


class Worker:
    """`holder` names this process in leases. Call `notify` when a job may have fallen due.

    It also looks every `poll_every` seconds; None where `notify` is called for every job that falls due.
    """

    def __init__(
        self, queue: RunQueue, *, at_once: int, holder: str, poll_every: float | None = POLL_EVERY
    ) -> None:
        self._queue = queue
        self._poll_every = poll_every
        self._at_once = at_once
        self._holder = holder
        self._running: dict[str, asyncio.Task[None]] = {}
        self._notified = asyncio.Event()
        self._has_left = False

    def notify(self) -> None:
        self._notified.set()

    def cancel_run(self, job_id: str) -> None:
        """End the run of a job that was cancelled; harmless when it does not run here."""
        if task := self._running.get(job_id):
            task.cancel()

    async def work(self, services: Services) -> None:
        """Start the jobs that are due until `close`."""
        last_problem = None
        while not self._is_leaving():
            self._notified.clear()
            try:
                await self._start_due(services)
                last_problem = None
            except EscribaError as exc:  # a store that is locked or full now may not be in a second
                if exc.code != last_problem:
                    log("worker.waits", level="WARNING", code=exc.code)
                last_problem = exc.code
            except Exception as exc:  # noqa: BLE001 - the border: one bad row must not end all work
                log("worker.broke", level="ERROR", exc_info=exc)
            with suppress(TimeoutError):
                async with asyncio.timeout(self._poll_every):  # wait_for loses a cancellation (Python 3.11)
                    await self._notified.wait()

    def leave(self, grace: float) -> None:
        """Start no more jobs. Those that run may finish within `grace` seconds, but no more than a moment,
        since another instance waits to go on with them; then they go back to the queue. Harmless again."""
        if not self._has_left:
            self._has_left = True
            asyncio.get_running_loop().call_later(min(grace, _LAST_MOMENT), self._give_back)
            self.notify()

    async def close(self, grace: float) -> None:
        """`leave`, and wait until no job runs here."""
        self.leave(grace)
        await asyncio.gather(*self._running.values(), return_exceptions=True)

    def _give_back(self) -> None:
        for task in self._running.values():
            task.cancel()

    def _is_leaving(self) -> bool:
        return self._has_left

    async def _start_due(self, services: Services) -> None:
        while len(self._running) < self._at_once and not self._is_leaving():
            job_id = await self._queue.claim(
                now=services.now(),
                holder=self._holder,
                seconds=services.settings.lease_seconds,
                busy=set(self._running),
            )
            if job_id is None:
                return
            if self._is_leaving():  # since the claim began
                await services.jobs.release(job_id, self._holder)
                return
            self._start(services, job_id)

    def _start(self, services: Services, job_id: str) -> None:
        # Imported with the first job: what it imports costs a twentieth of the CPU of a start.
        from common.jobs.run import run_job

        services.active.count(jobs=1)
        task = asyncio.create_task(run_job(services, job_id, self._holder))
        self._running[job_id] = task
        since = time.monotonic()
        task.add_done_callback(lambda task: self._on_end(services, job_id, task, since))

    def _on_end(self, services: Services, job_id: str, task: asyncio.Task[None], since: float) -> None:
        services.active.count(jobs=-1)
        services.active.note_run(time.monotonic() - since)
        del self._running[job_id]
        self.notify()
        if not task.cancelled() and (exc := task.exception()):
            log("worker.broke", level="ERROR", jobId=job_id, exc_info=exc)
