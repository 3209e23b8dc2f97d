"""The container's work in the background: it runs jobs, delivers, sweeps, and hears of other processes'
commits.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Protocol

from common.cancellation import background_task
from common.delivery.dispatch import LOOK_EVERY, Dispatcher
from common.errors import EscribaError
from common.jobs.sweep import sweep
from common.local.hub import Hub
from common.local.speaker_worker import SpeakerWorker
from common.local.worker import Worker
from common.local.workers import Workers
from common.log import log
from common.models import TERMINAL, JobEvent, Status
from common.services import Services
from common.stores import Stores, Wakers

# Seconds between two writes of what clients used; a crash loses no more of it.
_USAGE_EVERY = 15.0
_LONGEST_LAST_WRITE = 2.0


class SweptAudio(Protocol):
    """A store of recordings that removes what no job needs."""

    async def sweep(self, find_needed: Callable[[list[str]], Awaitable[set[str]]]) -> int: ...


@dataclass(slots=True)
class Signals:
    """What the loops in the background wait for: a delivery may be due, or a sweep."""

    delivery: asyncio.Event = field(default_factory=asyncio.Event)
    sweep: asyncio.Event = field(default_factory=asyncio.Event)


class Publisher:
    """Subscribers that also notify the dispatcher of commits that may have something to deliver, and the
    worker of those that make a task of speakers.
    """

    def __init__(self, hub: Hub, signals: Signals, workers: Workers, *, has_senders: bool) -> None:
        self._hub = hub
        self._workers = workers
        self._signals = signals
        self._has_senders = has_senders
        self.listen = hub.listen

    async def publish(self, event: JobEvent) -> None:
        await self._hub.publish(event)
        if self._has_senders or event.job.callback_url:
            self._signals.delivery.set()
        if event.job.speakers_progress == 0:
            self._workers.speakers.notify()


@asynccontextmanager
async def work_in_background(
    services: Services,
    stores: Stores,
    audio: SweptAudio,
    *,
    workers: Workers,
    hub: Hub,
    signals: Signals,
) -> AsyncIterator[None]:
    """Do it all while the body runs."""
    look_every = None if stores.wakes else LOOK_EVERY
    sweep_every = None if stores.wakes else services.settings.sweep_seconds
    async with (
        stores.wake(_wakers(workers, hub, signals)),
        Dispatcher(services, changed=signals.delivery, look_every=look_every) as dispatcher,
        background_task(dispatcher.run()),
        background_task(_sweep_for_ever(services, stores, audio, signals.sweep, sweep_every)),
        _store_usage(services),
        _run_speaker_tasks(services, workers.speakers),
        _run_jobs(services, workers.jobs),
    ):
        yield


def _wakers(workers: Workers, hub: Hub, signals: Signals) -> Wakers:
    def on_commit(job_id: str, seq: int, status: Status) -> None:
        hub.note_stored(job_id, seq)
        if status in TERMINAL:
            workers.jobs.cancel_run(job_id)
        if status in TERMINAL or status == "queued":  # an end may be what a suspect waited for
            workers.jobs.notify()

    return Wakers(
        on_job=workers.jobs.notify,
        on_delivery=signals.delivery.set,
        on_speakers=workers.speakers.notify,
        on_sweep=signals.sweep.set,
        on_commit=on_commit,
        on_gap=hub.note_gap,
    )


@asynccontextmanager
async def _run_jobs(services: Services, worker: Worker) -> AsyncIterator[None]:
    async with background_task(worker.work(services)) as working:
        try:
            yield
        finally:  # also after an exception: a job that is not given back waits for its lease to end
            await worker.close(services.settings.shutdown_timeout / 2)
            await working


@asynccontextmanager
async def _run_speaker_tasks(services: Services, worker: SpeakerWorker) -> AsyncIterator[None]:
    async with background_task(worker.work(services)) as working:
        try:
            yield
        finally:
            worker.leave()
            await working


@asynccontextmanager
async def _store_usage(services: Services) -> AsyncIterator[None]:
    """Store what clients used, now and then, and once more at the end. No idle database is woken for it."""
    async with background_task(_store_usage_for_ever(services)):
        try:
            yield
        finally:
            with suppress(TimeoutError):
                async with asyncio.timeout(_LONGEST_LAST_WRITE):
                    await _flush_usage(services)


async def _store_usage_for_ever(services: Services) -> None:
    while True:
        await asyncio.sleep(_USAGE_EVERY)
        if not services.store_status().is_idle:
            await _flush_usage(services)


async def _flush_usage(services: Services) -> None:
    try:
        await services.admin.store_usage(now=services.now())
    except Exception as exc:  # noqa: BLE001 - the border: a bug here must not end the server
        log("usage.broke", level="ERROR", exc_info=exc)


async def _sweep_for_ever(
    services: Services, stores: Stores, audio: SweptAudio, is_due: asyncio.Event, every: float | None
) -> None:
    """Sweep now, every so many seconds unless that is None, and when it `is_due`."""
    while True:
        is_due.clear()
        try:
            await sweep(services)
            await audio.sweep(stores.jobs.needing_audio)
        except EscribaError as exc:  # the store is locked or full now; in a minute it may not be
            log("sweep.failed", level="WARNING", code=exc.code)
        except Exception as exc:  # noqa: BLE001 - the border: without a sweep no lost job is found again
            log("sweep.broke", level="ERROR", exc_info=exc)
        with suppress(TimeoutError):
            async with asyncio.timeout(every):
                await is_due.wait()
