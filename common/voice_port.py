"""The port of what was heard of voices: with it a crash costs the listening to one stretch of a recording.

Embeddings are biometric data: once a job has ended, an adapter has none of it, or its task of speakers has it
(common/speaker_tasks_port.py).
"""

from __future__ import annotations

from typing import Protocol


class VoiceStore(Protocol):
    """Embeddings, and which voices speak when, of the stretches of a job's recording, while the job runs."""

    async def keep(self, job_id: str, index: int, packed: bytes, *, holder: str) -> None:
        """Store those of one stretch; the same index again replaces them.

        Raises LeaseLost unless the lease is `holder`'s, so that nothing is stored for a job that has ended;
        JobNotFound.
        """

    async def kept(self, job_id: str) -> dict[int, bytes]:
        """What is stored of the job, by index."""

    async def count(self, job_id: str) -> int:
        """Of how many stretches something is stored; no embedding is read for it."""
