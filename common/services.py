"""What a handler receives, and all it receives: composed once per process, frozen."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from common.audio.ffmpeg import Ffmpeg
from common.groq.client import Groq
from common.ports import AudioStore, JobStore, QuotaStore, Sender, Subscribers, Target, TaskQueue
from common.settings import Settings

VERSION = "0.1.0"


def _cancels_nothing(job_id: str) -> None:
    """Where a job runs in another process, its lease tells it to stop."""


@dataclass(slots=True)
class ActiveWork:
    """Counts for /health of what this process is doing right now."""

    transcriptions: int = 0
    jobs: int = 0
    watchers: int = 0


@dataclass(frozen=True, slots=True)
class Services:
    """`scratch` holds files that live as long as one request or run; `now` is epoch seconds.

    `engine_problem` is None, or why no transcription can succeed. `quota` is None for an engine without
    limits. `senders` tell others how jobs stand. `cancel_run` ends a run of a job in this process at once, if
    there is one. `key_secret` makes ids of Idempotency-Keys that nobody can work out. `store_patience` is how
    many seconds /health waits for the store: a file answers at once unless it is locked.
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
    senders: Mapping[Target, Sender] = field(default_factory=dict)
    cancel_run: Callable[[str], None] = _cancels_nothing
    key_secret: bytes = field(default=b"", repr=False)
    store_patience: float = 0.02
    active: ActiveWork = field(default_factory=ActiveWork)

    def kept_until(self, now: float) -> float:
        """Until when a job's text, or the audio of one that failed, is kept from now on."""
        return now + self.settings.retention_hours * 3600

    def awaited_until(self, now: float) -> float:
        """Until when a job waits for audio whose ticket, given out now, may be used in its last moment."""
        return now + self.settings.upload_ticket_seconds + self.settings.upload_timeout
