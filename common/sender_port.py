"""What sends snapshots of jobs to one target, and how it fails."""

from __future__ import annotations

from typing import Protocol

from common.models import Job, Transcript


class DeliveryFailed(Exception):
    """The target did not confirm. `reason` is short and holds nothing secret; `retry_after` is in seconds.

    After so many `attempts`, where they are set, it counts as a rejection.
    """

    def __init__(self, reason: str, *, retry_after: float | None = None, attempts: int | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.retry_after = retry_after
        self.attempts = attempts


class DeliveryRejected(Exception):
    """The target will never take this snapshot: the rejection is recorded and nothing is tried again."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Sender(Protocol):
    """Sends snapshots to one target. `problem` is None, or tells the operator why none can be sent."""

    problem: str | None

    async def send(self, job: Job, result: Transcript | None, *, is_asked: bool = False) -> None:
        """Return once the target has confirmed this snapshot. Raises DeliveryFailed, DeliveryRejected.

        `is_asked`: a person wants the try, so that a receiver is called that did not answer lately.
        """
