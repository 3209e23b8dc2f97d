"""The port of the tasks that give completed jobs their speakers: durable, each run by one holder at a time.

A job whose `speakers_progress` is set has a task, and no other has one: each adapter sees to that in the
commit of the job. The embeddings of a task are biometric data, and go with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class SpeakerTask:
    """`attempts` counts the runs that kept no stretch since the last one was kept, this one included."""

    job_id: str
    attempts: int


class SpeakerTasks(Protocol):
    """Calls raise LeaseLost unless the lease of the task is `holder`'s: it has ended, or another runs it."""

    async def renew(self, job_id: str, holder: str, *, now: float, seconds: float) -> None: ...

    async def give_back(self, job_id: str, holder: str, *, due_at: float, attempts: int) -> None:
        """Somebody may claim it from `due_at` on."""

    async def keep(self, job_id: str, index: int, packed: bytes, *, holder: str) -> None:
        """Store what was heard of one stretch; the next claim is the first attempt again."""

    async def kept(self, job_id: str) -> dict[int, bytes]:
        """What is stored of the task, by index; at first what the job's own run had kept."""


class DueSpeakerTasks(SpeakerTasks, Protocol):
    """Where workers look for what is due themselves, and no queue brings it."""

    async def claim(self, holder: str, *, now: float, seconds: float) -> SpeakerTask | None:
        """Lease the task that has been due for longest, and count the attempt; None when there is none.

        A lease that ends further ahead than twice its seconds does not count: the clock has stepped back.
        """

    async def release_all(self, holders: Sequence[str]) -> None:
        """Give back the leases of processes that are known to be dead."""
