"""What carries a job's state to one target."""

from __future__ import annotations

from typing import Protocol

from common.models import Job, Transcript


class NotDelivered(Exception):
    """The target did not confirm. `reason` is short and holds nothing secret; `retry_after` in seconds."""

    def __init__(self, reason: str, *, retry_after: float | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.retry_after = retry_after


class Courier(Protocol):
    async def push(self, job: Job, result: Transcript | None) -> None:
        """Return once the target has confirmed this snapshot. Raises NotDelivered."""
