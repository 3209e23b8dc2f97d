"""Delivers whatever is due: for ever in the container, for a limited time in a Lambda function."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection
from collections.abc import Set as AbstractSet
from contextlib import asynccontextmanager, suppress
from typing import Self

from common.delivery import rules
from common.delivery.outbox import deliver
from common.errors import EscribaError
from common.log import log
from common.ports import TARGETS, Delivery, Target
from common.services import Services

# Deliveries side by side, for each target: webhooks that never answer must not keep Convex waiting.
AT_ONCE = 4

# Seconds between two looks, where no event says that a postponed delivery has become due.
LOOK_EVERY = 1.0

# Seconds before a delivery whose outcome could not be stored is tried again: it is still due, and would
# otherwise go out as fast as it can for as long as the disk is full.
_PAUSE = 2.0

# Seconds for what a run has left to deliver once it has ended.
_LAST_DELIVERIES = 10.0

Key = tuple[str, Target]


class Dispatcher:
    """Sends what is due to `targets`, of all jobs or of `job_id` alone, a few at once for each target.

    A context: leaving it cancels what is in progress; that stays due, for the next process. Setting `changed`
    makes it look for due deliveries at once; it also looks every `look_every` seconds, unless that is None.
    """

    def __init__(
        self,
        services: Services,
        *,
        targets: Collection[Target] = TARGETS,
        job_id: str | None = None,
        changed: asyncio.Event | None = None,
        look_every: float | None = LOOK_EVERY,
    ) -> None:
        self._services = services
        self._targets = targets
        self._job_id = job_id
        self._changed = changed or asyncio.Event()
        self._look_every = look_every
        self._in_progress: dict[Key, asyncio.Task[None]] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        tasks = list(self._in_progress.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def run(self) -> None:
        """Start what is due, again and again, until cancelled; that does not cancel what is in progress."""
        while True:
            self._changed.clear()
            try:
                await self._start()
            except EscribaError:
                pass  # the store cannot answer now; it may at the next look
            except Exception as exc:  # noqa: BLE001 - the border: a bug in one look must not end all deliveries
                log("dispatch.broke", level="ERROR", exc_info=exc)
            await self._wait_for_change(self._look_every)

    async def drain(self, *, until: float) -> None:
        """Start what is due, each delivery once, until none is left or the time is `until`; then finish it.

        Raises what the store raises.
        """
        tried: set[Key] = set()
        while (left := until - self._services.now()) > 0:
            self._changed.clear()
            tried |= await self._start(excluding=tried)
            if not self._in_progress:
                return
            await self._wait_for_change(left)
        await asyncio.gather(*self._in_progress.values())

    async def _start(self, *, excluding: AbstractSet[Key] = frozenset()) -> set[Key]:
        """Start what is due and has a place, and return its keys. It passes over those in `excluding`."""
        started: set[Key] = set()
        for target in self._targets:
            busy = {key for key in excluding | self._in_progress.keys() if key[1] == target}
            places = AT_ONCE - sum(key[1] == target for key in self._in_progress)
            due = await self._due(target, limit=AT_ONCE + len(busy)) if places else []
            for delivery in due:
                key = (delivery.job_id, target)
                if places and key not in busy and self._has_room(delivery):
                    self._in_progress[key] = asyncio.create_task(self._deliver(delivery))
                    places -= 1
                    started.add(key)
        return started

    def _has_room(self, delivery: Delivery) -> bool:
        """Convex is one receiver for all; of places for webhooks, a client has no more than its share."""
        if delivery.target == "convex" or delivery.client is None:
            return True
        webhooks = self._services.ledger.pool("webhooks")
        if not webhooks.has_room(delivery.client):
            return False
        webhooks.add(delivery.client)
        return True

    async def _due(self, target: Target, *, limit: int) -> list[Delivery]:
        jobs, now = self._services.jobs, self._services.now()
        if self._job_id is None:
            return await jobs.deliveries(now=now, limit=limit, target=target)
        delivery = await jobs.delivery(self._job_id, target)
        return [delivery] if delivery and rules.is_due(delivery, now) else []

    async def _deliver(self, delivery: Delivery) -> None:
        try:
            await deliver(self._services, delivery)
        except EscribaError as exc:
            log("dispatch.failed", level="WARNING", jobId=delivery.job_id, code=exc.code)
            await asyncio.sleep(_PAUSE)
        except Exception as exc:  # noqa: BLE001 - the border: one bad row must not spin, nor end all deliveries
            log("dispatch.broke", level="ERROR", jobId=delivery.job_id, exc_info=exc)
            await asyncio.sleep(_PAUSE)
        finally:
            del self._in_progress[(delivery.job_id, delivery.target)]
            if delivery.target != "convex" and delivery.client is not None:
                self._services.ledger.pool("webhooks").remove(delivery.client)
            self._changed.set()

    async def _wait_for_change(self, seconds: float | None) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):  # wait_for loses a cancellation (Python 3.11)
                await self._changed.wait()


async def deliver_pending(services: Services, *, until: float) -> None:
    """Deliver what is due, each delivery once, until none is left or the time is `until`."""
    async with Dispatcher(services) as dispatcher:
        await dispatcher.drain(until=until)


@asynccontextmanager
async def deliver_during_run(services: Services, job_id: str) -> AsyncIterator[None]:
    """Deliver this job's snapshots while the body runs it, and its last one once the body has ended."""
    async with Dispatcher(services, targets=tuple(services.senders), job_id=job_id) as dispatcher:
        running = asyncio.create_task(dispatcher.run())
        try:
            yield
        finally:
            running.cancel()
            await asyncio.wait([running])
            with suppress(TimeoutError, EscribaError):  # the minutely round delivers what is left
                async with asyncio.timeout(_LAST_DELIVERIES):
                    await dispatcher.drain(until=services.now() + _LAST_DELIVERIES)
