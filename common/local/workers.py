"""What runs in the container's background for jobs: their runs, and the tasks that give them speakers."""

from __future__ import annotations

from dataclasses import dataclass

from common.local.speaker_worker import SpeakerWorker
from common.local.worker import Worker


@dataclass(frozen=True, slots=True)
class Workers:
    jobs: Worker
    speakers: SpeakerWorker

    def cancel_run(self, job_id: str) -> None:
        """End what runs here for a job that was cancelled or deleted; harmless when nothing does."""
        self.jobs.cancel_run(job_id)
        self.speakers.cancel_run(job_id)

    def leave(self, grace: float) -> None:
        """Start nothing more; what runs goes back to the store, a job's run after `grace` seconds at most."""
        self.jobs.leave(grace)
        self.speakers.leave()
