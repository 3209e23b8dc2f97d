"""The engine's quota for one piece: reserved before it is cut, refunded where nothing is charged for it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from common.cancellation import run_to_end
from common.errors import EngineBroken, EngineUnreachable, EscribaError, RetryLater
from common.log import log
from common.services import Services

# Seconds; then the quota is looked at again, since it may have learnt of another limit meanwhile.
_LONGEST_WAIT = 6 * 3600.0

# Seconds: neither a cancellation nor an error waits longer for a store that does not answer.
_LONGEST_REFUND = 5.0

# What Groq does not charge for: a request whose file cannot be read, no answer, a 5xx, a 429.
_UNCHARGED = (OSError, EngineBroken, EngineUnreachable, RetryLater)


@dataclass(slots=True)
class Reservation:
    """`seconds` of audio in one request; `reserved_at` is None until the store has confirmed them.

    `is_sent` is set before the piece is sent: from then on the engine may charge for it. `is_answered` is set
    once it has answered: it does.
    """

    services: Services
    seconds: float
    reserved_at: float | None = None
    is_sent: bool = False
    is_answered: bool = False

    async def reserve(self) -> None:
        """Raises RetryLater when too little is left."""
        now, quota, client = self.services.now(), self.services.quota, self.services.client_quota
        used = await client.charge(now, self.seconds) if client else {}
        share = self.services.settings.client_share
        if quota and (
            wait := await quota.change(lambda q: q.take(now, self.seconds, used=used, share=share))
        ):
            if client:
                await client.refund(now, self.seconds, reserved_at=now)
            reason = "client_share" if wait.is_share else wait.bucket
            raise RetryLater(min(wait.delay, _LONGEST_WAIT), reason)
        self.reserved_at = now

    async def refund(self) -> None:
        """Best effort: what a store does not take back drains by itself."""
        if self.reserved_at is None:
            return
        now, reserved_at = self.services.now(), self.reserved_at
        quota, client = self.services.quota, self.services.client_quota
        try:
            async with asyncio.timeout(_LONGEST_REFUND):
                if quota:
                    await quota.change(
                        lambda quota: (quota.refund(now, self.seconds, reserved_at=reserved_at), None)
                    )
                if client:
                    await client.refund(now, self.seconds, reserved_at=reserved_at)
        except (EscribaError, TimeoutError) as exc:
            log("quota.refund_failed", level="WARNING", seconds=self.seconds, reason=type(exc).__name__)


@asynccontextmanager
async def reserve_quota(services: Services, seconds: float) -> AsyncIterator[Reservation]:
    """Reserve the engine's quota for the body, which sets `is_sent` before it sends the piece.

    Whatever ends the body before that refunds the quota, a cancellation too; after it, only those exceptions
    that the engine does not charge for. Raises RetryLater when too little is left.
    """
    reservation = Reservation(services, seconds)
    try:
        await run_to_end(reservation.reserve())
        yield reservation
    except BaseException as exc:
        is_charged = reservation.is_answered or (reservation.is_sent and not isinstance(exc, _UNCHARGED))
        if not is_charged:
            await run_to_end(reservation.refund())
        raise
    if not reservation.is_sent:
        await run_to_end(reservation.refund())
