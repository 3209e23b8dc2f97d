"""Keeps telling targets how jobs stand: some at once, each job's in order, woken by every commit."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from common.delivery.outbox import AT_ONCE, deliver
from common.errors import EscribaError
from common.log import log
from common.ports import TARGETS, Delivery
from common.services import Services

_LOOK_EVERY = 1.0  # seconds; what was postponed falls due without anybody saying so
# Seconds before a delivery whose outcome could not be kept is tried again: else it would go out for ever,
# as fast as it can, for as long as the disk is full.
_PAUSE = 2.0

Row = tuple[str, str]


class Relay:
    """`wake` it when a job has changed."""

    def __init__(self) -> None:
        self._under_way: dict[Row, asyncio.Task[None]] = {}
        self._changed = asyncio.Event()

    def wake(self) -> None:
        self._changed.set()

    async def work(self, services: Services) -> None:
        """Deliver what is due, until cancelled; what is under way then is tried again by the next process."""
        try:
            while True:
                self._changed.clear()
                try:
                    await self._send_out(services)
                except EscribaError:  # the store cannot answer now; it may in a second
                    pass
                except Exception as exc:  # noqa: BLE001 - the border, as above
                    log("relay.broke", level="ERROR", exc_info=exc)
                with suppress(TimeoutError):
                    async with asyncio.timeout(_LOOK_EVERY):  # wait_for loses a cancellation (Python 3.11)
                        await self._changed.wait()
        finally:
            for task in self._under_way.values():
                task.cancel()

    async def _send_out(self, services: Services) -> None:
        for target in TARGETS:
            places = AT_ONCE - sum(row[1] == target for row in self._under_way)
            # Twice as many are asked for as fit, since those under way are among them.
            due = await services.jobs.deliveries(now=services.now(), limit=2 * AT_ONCE, target=target)
            fresh = [one for one in due if (one.job_id, one.target) not in self._under_way]
            for delivery in fresh[:places]:
                row = (delivery.job_id, delivery.target)
                self._under_way[row] = asyncio.create_task(self._one(services, delivery))

    async def _one(self, services: Services, delivery: Delivery) -> None:
        try:
            await deliver(services, delivery)
        except EscribaError as exc:
            log("relay.failed", level="WARNING", jobId=delivery.job_id, code=exc.code)
            await asyncio.sleep(_PAUSE)
        except Exception as exc:  # noqa: BLE001 - the border: one bad row must not spin, nor end all telling
            log("relay.broke", level="ERROR", jobId=delivery.job_id, exc_info=exc)
            await asyncio.sleep(_PAUSE)
        finally:
            del self._under_way[(delivery.job_id, delivery.target)]
            self.wake()
