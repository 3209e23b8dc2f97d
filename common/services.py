"""What a handler receives, and all it receives: composed once per process, frozen."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from common.access.access import Access
from common.access.caller import is_limited
from common.access.client_quota import ClientQuota, ClientUse, first_use
from common.access.held_refusals import HeldRefusals
from common.access.ledger import Ledger
from common.access.rates import RequestRates
from common.active_work import ActiveWork
from common.admin.services import AdminServices
from common.admin.usage import ANONYMOUS, client_of
from common.audio.ffmpeg import Ffmpeg
from common.cache_port import TranscriptCache
from common.counters import Counters
from common.groq.client import Groq
from common.latest import Latest
from common.models import Limits
from common.places import Places
from common.ports import AccountStore, AudioStore, JobStore, QuotaStore, Target, TaskQueue
from common.quota import Quota
from common.sender_port import Sender
from common.settings import Settings
from common.speaker_tasks_port import SpeakerTasks
from common.stores import StoreStatus
from common.subscribers_port import Subscribers
from common.voice_port import VoiceStore

VERSION = "0.1.0"


def _cancel_nothing(job_id: str) -> None:
    """Where jobs run in other processes, a run ends when it loses its lease."""


def _one_by_one() -> Places:
    """The body of a correction is in memory while it waits."""
    return Places(1, length=8, longest_wait=30.0)


@dataclass(frozen=True, slots=True)
class Services:
    """`scratch` holds files that live as long as one request or run; `now` answers epoch seconds.

    `client_account` makes the account of what one client uses of the quota; `client_quota` is the one that
    counts, set by `for_client`.
    `engine_problem` is None, or why no transcription can succeed. `quota` is None for an engine without
    limits, `cache` where no text is kept for equal recordings, `voices` where no embeddings can be kept,
    `speaker_tasks` where speakers cannot come later.
    `listens_elsewhere`: functions that have what it takes listen to voices, though this process need not.
    `senders` deliver snapshots of jobs.
    `cancel_run` ends a run of a job in this process at once, if there is one. `access` identifies callers,
    `ledger` holds what each client has of this process's places, `rates` count its requests,
    `refusals` says how late it learns that they are too many.
    With `key_secret`, nobody can derive a job id from an Idempotency-Key. `store_timeout` is how many seconds
    /health waits for the store: a file answers at once unless it is locked. `store_status` says what is known
    of the store without asking it. `transcribing` bounds the transcriptions that clients wait for,
    `downloading` the recordings that are fetched for them; jobs have a bound of their own. `counters` are of
    this process, `readings` holds what was last read of it all, `backlog` of the jobs that wait, `account`
    is whose usage is counted. `correcting` bounds the corrected texts that are in memory.
    """

    settings: Settings
    ffmpeg: Ffmpeg
    engine: Groq
    engine_problem: str | None
    scratch: Path
    now: Callable[[], float]
    started_at: float
    jobs: JobStore
    audio: AudioStore
    queue: TaskQueue
    subscribers: Subscribers
    quota: QuotaStore | None
    client_account: Callable[[str, ClientUse], AccountStore[ClientUse]] | None = None
    client_quota: ClientQuota | None = None
    cache: TranscriptCache | None = None
    voices: VoiceStore | None = None
    listens_elsewhere: bool = False
    speaker_tasks: SpeakerTasks | None = None
    senders: Mapping[Target, Sender] = field(default_factory=dict)
    cancel_run: Callable[[str], None] = _cancel_nothing
    access: Access = field(default_factory=Access)
    ledger: Ledger = field(default_factory=Ledger)
    rates: RequestRates = field(default_factory=RequestRates)
    refusals: HeldRefusals = field(default_factory=HeldRefusals)
    key_secret: bytes = field(default=b"", repr=False)
    store_timeout: float = 0.02
    store_status: Callable[[], StoreStatus] = StoreStatus
    active: ActiveWork = field(default_factory=ActiveWork)
    transcribing: Places = field(default_factory=Places)
    downloading: Places = field(default_factory=Places)
    correcting: Places = field(default_factory=_one_by_one)
    counters: Counters = field(default_factory=Counters)
    admin: AdminServices = field(default_factory=AdminServices)
    readings: Latest[Any] = field(default_factory=Latest)
    backlog: Latest[Any] = field(default_factory=Latest)
    account: str = ANONYMOUS

    def serving(self, owner: str | None) -> Services:
        """The same services for one request or job, whose usage is `owner`'s."""
        return replace(self, account=client_of(owner))

    def count_usage(self, name: str, amount: float = 1.0) -> None:
        """To `account`."""
        self.admin.usage.add(self.now(), self.account, name, amount)

    async def for_client(self, client: str | None) -> Services:
        """These services, where they count what a client uses of the engine's quota."""
        if client is None or not is_limited(client) or self.client_account is None:
            return self
        settings = self.settings
        defaults = Limits(
            audio_per_hour=settings.client_audio_per_hour, audio_per_day=settings.client_audio_per_day
        )
        start, limits = first_use(
            Quota.with_limits(**settings.quota_limits), await self.access.limits_of(client), defaults
        )
        if not limits and (self.quota is None or settings.client_share == 1):
            return self
        account = self.client_account(client, start)
        return replace(self, client_quota=ClientQuota(client, account, limits))

    def retention_end(self, now: float) -> float:
        """Until when a job's text, or the audio of one that failed, is kept from now on."""
        return now + self.settings.retention_hours * 3600

    def upload_end(self, now: float) -> float:
        """Until when a job waits for audio: its ticket is issued now and may be used in its last moment."""
        return now + self.settings.upload_ticket_seconds + self.settings.upload_timeout
