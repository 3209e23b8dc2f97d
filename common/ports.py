"""What a deployment target must offer: nouns that `local` and `aws` each build on their own technology."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol, TypeVar

from common.models import Audio, Job, JobEvent, Piece, Transcript
from common.queued_job import QueuedJob
from common.quota import Quota

Target = Literal["convex", "callback"]
TARGETS: tuple[Target, ...] = ("convex", "callback")
A = TypeVar("A")
T = TypeVar("T")


class AlreadyExists(Exception):
    """There is a job of this id already: `job`."""

    def __init__(self, job: Job) -> None:
        super().__init__(job.job_id)
        self.job = job


class StaleJob(Exception):
    """Another commit came first: read the job again and decide again."""


class LeaseLost(Exception):
    """Another holder runs this job, or nobody may run it any more: stop, and commit nothing."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """How far one target is with one job: which snapshot it wants, and which it has confirmed.

    `attempts` are the tries that failed since the last one that did not, `next_at` is epoch seconds, `ended`
    whether `wanted_seq` brings the end of the job. common/delivery/rules.py makes every next value of it.
    """

    job_id: str
    target: Target
    wanted_seq: int
    confirmed_seq: int
    attempts: int
    next_at: float
    last_error: str | None = None
    ended: bool = False
    client: str | None = field(default=None, compare=False)  # the job's, where a store lists what is due

    @property
    def is_open(self) -> bool:
        """Whether there is a snapshot to send."""
        return self.wanted_seq > self.confirmed_seq

    @property
    def is_refused(self) -> bool:
        """Whether the target will never take the snapshot: nothing is tried again by itself."""
        return not self.is_open and self.last_error is not None


@dataclass(frozen=True, slots=True)
class UploadTicket:
    """Where a client may post its audio until `expires_at`: a form with `fields` first and `file` last.
    Or it puts the bytes to `direct_url` and posts `fields` as JSON afterwards."""

    url: str
    fields: dict[str, str]
    expires_at: float
    direct_url: str | None = None


@dataclass(frozen=True, slots=True)
class Holdings:
    """What one client has in the store: jobs that wait or run, jobs whose audio has not come, and bytes of
    recordings that are kept or expected. `pending_of_all` are the jobs of everybody whose audio has not come.
    """

    jobs: int = 0
    pending: int = 0
    stored_bytes: int = 0
    pending_of_all: int = 0


class JobStore(Protocol):
    """Jobs, their events and their text. Every commit is all or nothing, and durable when it returns."""

    async def create(self, job: Job, event: JobEvent, *, targets: tuple[Target, ...] = ()) -> None:
        """Store a new job with its first event; `targets` want its snapshots. Raises AlreadyExists."""

    async def get(self, job_id: str) -> Job:
        """Raises JobNotFound."""

    async def commit(self, job: Job, event: JobEvent, *, result: Transcript | None = None) -> None:
        """Store the next value of a job with its event; its deliveries now want `job.seq`.

        common/delivery/rules.py says which deliveries, and when. A job that has ended has no lease.
        Raises StaleJob unless the stored seq is `job.seq - 1`, JobNotFound.
        """

    async def events(self, job_id: str, *, after: int) -> list[JobEvent]:
        """The events after seq `after`, in order; mere progress may be missing where newer events follow."""

    async def keep_piece(self, job_id: str, piece: Piece, *, holder: str) -> None:
        """Store one piece's text; the same index again changes nothing: the first stays.

        Raises LeaseLost unless the lease is `holder`'s, so that nothing is stored for a job that has ended or
        that another holder runs; JobNotFound.
        """

    async def pieces(self, job_id: str) -> list[Piece]:
        """The pieces stored so far, by index."""

    async def result(self, job_id: str, *, original: bool = False) -> Transcript | None:
        """The text of a completed job; or its `original`, where one is kept."""

    async def keep_original(self, job_id: str) -> None:
        """Keep the result as it is now beside its corrections; the first that is kept stays."""

    async def held_by(self, client: str) -> Holdings: ...

    async def erase_text(self, job_id: str) -> None:
        """Remove pieces, result, original and the text inside events; states stay."""

    async def remove(self, job_id: str) -> None:
        """Remove every trace of a job."""

    async def lease(self, job_id: str, holder: str, *, now: float, seconds: float) -> Job:
        """Take the right to run a job, or take it again for longer.

        Raises LeaseLost while another holder has it and once the job has ended, JobNotFound. A lease that
        ends further ahead than twice its seconds does not count: the clock has stepped back since.
        """

    async def renew(self, job_id: str, holder: str, *, now: float, seconds: float) -> None:
        """Raises LeaseLost when the lease is no longer `holder`'s."""

    async def release(self, job_id: str, holder: str) -> None:
        """Give the lease back, if it is `holder`'s."""

    async def expired(self, *, now: float, limit: int) -> list[Job]:
        """Jobs whose `expires_at` has passed, oldest first."""

    async def overdue(self, *, now: float, limit: int) -> list[Job]:
        """Jobs that should run and that neither the queue nor the end of a lease will bring back.

        Where the queue also brings those whose speakers are to come, they are among them.
        """

    async def deliveries(self, *, now: float, limit: int, target: Target | None = None) -> list[Delivery]:
        """The deliveries that are due, of one target or of all: clients in turn, ended jobs first."""

    async def delivery(self, job_id: str, target: Target) -> Delivery | None:
        """How far one target is with one job; None where it wants nothing of it."""

    async def settle(self, delivery: Delivery) -> None:
        """Keep what a try made of a delivery; a confirmed seq never falls. An end since then is due now."""

    async def redeliver(self, job_id: str, *, now: float) -> None:
        """All targets of a job want its newest snapshot again, at once, as if they had confirmed nothing."""


class TaskQueue(Protocol):
    """Brings each job id to a worker after `delay` seconds, at least once."""

    async def put(self, job_id: str, *, delay: float = 0, client: str | None = None) -> None:
        """`client` is the job's, for queues that do not know jobs."""

    async def waiting(self, *, limit: int) -> list[QueuedJob] | None:
        """The jobs that no worker has taken up, the first due first; None where nobody can list them."""

    async def backlog(self) -> int:
        """About how many jobs wait for a worker."""


class AudioStore(Protocol):
    """Recordings of jobs, one each, until they are removed. Calls raise StoreUnavailable, StorageBroken."""

    @property
    def problem(self) -> str | None: ...

    @property
    def used_bytes(self) -> int | None:
        """What this process knows to be stored; None where nobody counts it."""

    async def keep(self, job_id: str, file: Path) -> None:
        """Move a received file into the store; durable on return. Raises StorageFull."""

    async def fetch(self, job_id: str, folder: Path) -> Path:
        """A local file to read, made inside `folder` where there is none yet. Raises AudioGone."""

    async def has(self, job_id: str) -> bool: ...

    async def remove(self, job_id: str) -> None:
        """Harmless when nothing is stored."""

    async def has_upload(self, job_id: str) -> bool:
        """Whether a client has posted a recording that `keep` has not moved in yet."""

    async def adopt(self, job_id: str, *, max_bytes: int) -> Audio | None:
        """Keep what a client put to a ticket's `direct_url`; None where nothing is. Raises UploadTooLarge."""

    async def ticket(
        self, job_id: str, *, max_bytes: int, now: float, until: float = math.inf, size_bytes: int = 0
    ) -> UploadTicket:
        """Valid as long as any ticket, but no longer than `until`; `size_bytes` where they are known."""

    def admit(self, job_id: str, fields: Mapping[str, str], *, now: float) -> int:
        """The most bytes that such a form may bring. Raises UploadTicketInvalid, UploadExpired."""


class AccountStore(Protocol[A]):
    """One account of token buckets, shared by every process."""

    async def change(self, decide: Callable[[A], tuple[A, T]]) -> T:
        """Store the account that `decide` makes of the stored one, and return its answer, atomically.

        `decide` is pure and may be called more than once. What it raises flies on, and nothing is stored.
        """

    async def read(self) -> A:
        """The stored account. To look at it is no use of a database, which may fall asleep meanwhile."""


QuotaStore = AccountStore[Quota]  # what the engine's provider still allows
