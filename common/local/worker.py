"""Runs the container's jobs: a few at once, in fair order, each under a lease; gives them back at the end."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from common.errors import EscribaError
from common.local.sqlite.queue import SqliteTasks
from common.log import log
from common.services import Services

# A job that falls due while nothing else happens is seen this late at most.
_LOOK_EVERY = 1.0


class Worker:
    """`holder` names this process in leases. `wake` it when a job may have fallen due."""

    def __init__(self, tasks: SqliteTasks, *, at_once: int, holder: str) -> None:
        self._tasks = tasks
        self._at_once = at_once
        self._holder = holder
        self._running: dict[str, asyncio.Task[None]] = {}
        self._changed = asyncio.Event()
        self._leaves_at: float | None = None

    def wake(self) -> None:
        self._changed.set()

    def cancel_run(self, job_id: str) -> None:
        """End the run of a job that was cancelled; harmless when it does not run here."""
        if task := self._running.get(job_id):
            task.cancel()

    async def work(self, services: Services) -> None:
        """Take up what is due until `close`."""
        trouble = None
        while not self._is_leaving():
            self._changed.clear()
            try:
                await self._take_up(services)
                trouble = None
            except EscribaError as exc:  # a store that is locked or full now may not be in a second
                if exc.code != trouble:
                    log("worker.waits", level="WARNING", code=exc.code)
                trouble = exc.code
            except Exception as exc:  # noqa: BLE001 - the border: one bad row must not end all work
                log("worker.broke", level="ERROR", exc_info=exc)
            with suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_EVERY):  # wait_for loses a cancellation (Python 3.11)
                    await self._changed.wait()

    def leave(self, grace: float) -> None:
        """Take up nothing more; what runs may finish within `grace` seconds from now. Harmless again."""
        if self._leaves_at is None:
            self._leaves_at = asyncio.get_running_loop().time() + grace
            self.wake()

    async def close(self, grace: float) -> None:
        """`leave`, and wait for what runs; what does not finish in time is given back to the queue."""
        self.leave(grace)
        assert self._leaves_at is not None
        running = list(self._running.values())
        if running:
            left = self._leaves_at - asyncio.get_running_loop().time()
            _, unfinished = await asyncio.wait(running, timeout=max(0.0, left))
            for task in unfinished:
                task.cancel()
            await asyncio.gather(*unfinished, return_exceptions=True)

    def _is_leaving(self) -> bool:
        return self._leaves_at is not None

    async def _take_up(self, services: Services) -> None:
        while len(self._running) < self._at_once and not self._is_leaving():
            busy = set(self._running)
            now = services.now()
            job_id = await self._tasks.claim(
                now=now, holder=self._holder, seconds=services.settings.lease_seconds, busy=busy
            )
            if job_id is None:
                return
            if self._is_leaving():  # since it was asked for
                await services.jobs.release(job_id, self._holder)
                return
            # Imported with the first job: its half of the house is a twentieth of the CPU of a start.
            from common.jobs.run import run_job

            services.active.jobs += 1
            task = asyncio.create_task(run_job(services, job_id, self._holder))
            self._running[job_id] = task
            task.add_done_callback(lambda task, job_id=job_id: self._ended(services, job_id, task))  # type: ignore[misc]

    def _ended(self, services: Services, job_id: str, task: asyncio.Task[None]) -> None:
        services.active.jobs -= 1
        del self._running[job_id]
        self.wake()
        if not task.cancelled() and (exc := task.exception()):
            log("worker.broke", level="ERROR", jobId=job_id, exc_info=exc)
