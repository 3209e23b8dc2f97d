"""Runs the container's tasks of speakers, one at a time, each under a lease; gives one back at the end."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from common.errors import EscribaError
from common.log import log
from common.services import Services
from common.speaker_tasks_port import DueSpeakerTasks, SpeakerTask

# Seconds: a task of another process, or one that waits for its next try, is noticed this late at most.
POLL_EVERY = 5.0


class SpeakerWorker:
    """`holder` names this process in leases. Call `notify` when a task may have fallen due.

    It also looks every `poll_every` seconds; None where `notify` is called for every task that falls due.
    """

    def __init__(self, tasks: DueSpeakerTasks, *, holder: str, poll_every: float | None = POLL_EVERY) -> None:
        self._tasks = tasks
        self._holder = holder
        self._poll_every = poll_every
        self._notified = asyncio.Event()
        self._job_id: str | None = None
        self._run: asyncio.Task[None] | None = None
        self._has_left = False

    def notify(self) -> None:
        self._notified.set()

    def cancel_run(self, job_id: str) -> None:
        """End the task of a job that was deleted; harmless when it does not run here."""
        if self._run is not None and self._job_id == job_id:
            self._run.cancel()

    def leave(self) -> None:
        """Start no more tasks; the one that runs goes back to the store. Harmless again."""
        self._has_left = True
        if self._run is not None:
            self._run.cancel()
        self.notify()

    async def work(self, services: Services) -> None:
        """Run the tasks that are due until `leave`."""
        while not self._is_leaving():
            self._notified.clear()
            try:
                while not self._is_leaving() and await self._run_next(services):
                    pass
            except EscribaError as exc:  # a store that is locked or away now may not be in a second
                log("speaker_worker.waits", level="WARNING", code=exc.code)
            except Exception as exc:  # noqa: BLE001 - the border: one bad row must not end all work
                log("speaker_worker.broke", level="ERROR", exc_info=exc)
            if self._is_leaving():
                return
            with suppress(TimeoutError):
                async with asyncio.timeout(self._poll_every):
                    await self._notified.wait()

    async def _run_next(self, services: Services) -> bool:
        """Whether there was a task."""
        seconds = services.settings.lease_seconds
        task = await self._tasks.claim(self._holder, now=services.now(), seconds=seconds)
        if task is None:
            return False
        services.active.count(jobs=1)
        self._job_id, self._run = task.job_id, asyncio.create_task(self._execute(services, task))
        if self._is_leaving():  # since the claim began
            self._run.cancel()
        try:
            await asyncio.wait([self._run])
        finally:
            services.active.count(jobs=-1)
            run, self._job_id, self._run = self._run, None, None
        if not run.cancelled() and (exc := run.exception()):
            log("speaker_worker.broke", level="ERROR", jobId=task.job_id, exc_info=exc)
        return True

    async def _execute(self, services: Services, task: SpeakerTask) -> None:
        # Imported with the first task: a start pays for every import.
        from common.jobs.later_speakers import run_speaker_task

        await run_speaker_task(services, self._tasks, task, self._holder)

    def _is_leaving(self) -> bool:
        return self._has_left
