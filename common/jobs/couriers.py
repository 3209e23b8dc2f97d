"""What carries a job's state to one target."""

from __future__ import annotations

from typing import Protocol

from common.models import Job, Transcript


class NotDelivered(Exception):
    """The target did not confirm. `reason` is short and holds nothing secret; `retry_after` in seconds.

    After `attempts`, when given, it is taken for a refusal.
    """

    def __init__(self, reason: str, *, retry_after: float | None = None, attempts: int | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.retry_after = retry_after
        self.attempts = attempts


class Undeliverable(Exception):
    """The target will never take this snapshot: it is recorded, not tried again."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Courier(Protocol):
    """`problem` is None, or why nothing can be delivered at all, for whoever runs the server."""

    problem: str | None

    async def push(self, job: Job, result: Transcript | None) -> None:
        """Return once the target has confirmed this snapshot. Raises NotDelivered, Undeliverable."""
