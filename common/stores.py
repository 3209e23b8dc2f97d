"""What the container needs of its database beside the ports: SQLite and Postgres each offer it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol, TypeVar

from common.access.key_store import AccessKeyStore
from common.admin.directory import JobDirectory
from common.admin.store import AdminStore
from common.cache_port import TranscriptCache
from common.errors import EscribaError
from common.models import Status
from common.ports import AccountStore, JobStore, TaskQueue
from common.speaker_tasks_port import DueSpeakerTasks
from common.token_bucket import Account
from common.voice_port import VoiceStore

AnyAccount = TypeVar("AnyAccount", bound=Account)


class DatabaseUnusable(Exception):
    """The database cannot be used at all; the sentence tells the operator why."""


class RunQueue(TaskQueue, Protocol):
    """A queue from which workers take the jobs themselves."""

    async def claim(
        self, now: float, holder: str, seconds: float, *, busy: AbstractSet[str] = frozenset()
    ) -> str | None:
        """Lease the next job that may begin beside `busy`, the jobs that run here; None when there is none.

        `JobStore.lease` by the same `holder` then answers the job.
        """

    async def release_all(self, holders: Sequence[str]) -> None:
        """Give back the leases of processes that are known to be dead."""


class ContainerJobs(JobStore, Protocol):
    """What the container asks of its store besides."""

    async def needing_audio(self, job_ids: list[str]) -> set[str]:
        """Those of `job_ids` that are stored and may still need their recording."""


@dataclass(frozen=True, slots=True)
class Wakers:
    """What a store calls when it learns of something that this process did not do itself.

    `on_job`: a job may be claimed. `on_delivery`: a delivery is due. `on_speakers`: a
    task of speakers may be claimed. `on_sweep`: a sweep is due. `on_commit`:
    another process has stored this `seq` of a job, with this status. `on_gap`: such calls may have been lost.
    """

    on_job: Callable[[], None]
    on_delivery: Callable[[], None]
    on_speakers: Callable[[], None]
    on_sweep: Callable[[], None]
    on_commit: Callable[[str, int, Status], None]
    on_gap: Callable[[], None]


class Stores(Protocol):
    """Everything that the container keeps in its database.

    `now` is the clock that all who share it go by. `wakes`: it calls `Wakers` for all that falls due, so that
    nobody needs to ask at intervals.
    """

    @property
    def jobs(self) -> ContainerJobs: ...
    @property
    def access_keys(self) -> AccessKeyStore: ...
    @property
    def admin(self) -> AdminStore: ...
    @property
    def directory(self) -> JobDirectory: ...
    @property
    def voices(self) -> VoiceStore: ...
    @property
    def speaker_tasks(self) -> DueSpeakerTasks: ...
    @property
    def now(self) -> Callable[[], float]: ...
    @property
    def wakes(self) -> bool: ...

    def queue(self, on_put: Callable[[], None] = ...) -> RunQueue:
        """`on_put` is called after every put."""

    def account(self, name: str, start: AnyAccount) -> AccountStore[AnyAccount]: ...

    def cache(self, budget_bytes: int) -> TranscriptCache | None:
        """None where no text is to be kept."""

    async def secret(self, name: str) -> bytes:
        """32 random bytes, made at the first use, the same for all that share the database."""

    def status(self) -> StoreStatus: ...

    def wake(self, wakers: Wakers) -> AbstractAsyncContextManager[None]:
        """Call the wakers while the block runs."""


@dataclass(frozen=True, slots=True)
class StoreStatus:
    """`problem` is why the store was away when it was last asked. While `is_idle` nobody should ask it
    in vain.
    """

    problem: EscribaError | None = None
    is_idle: bool = False
