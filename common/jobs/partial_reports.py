"""What an engine that streams has of a piece so far: committed as progress with text, but not too often."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from types import TracebackType
from typing import Self

from common.errors import EscribaError
from common.jobs import progress, state
from common.jobs.running_job import RunningJob
from common.models import Job, Piece, Transcript
from common.ports import StaleJob
from common.transcription.piece import PartialPiece
from common.transcription.pipeline import PreparedRecording

_LONGEST_COMMIT = 5.0  # seconds: no job waits longer for a store that is locked


class PartialReports:
    """`share` of the recording, 0 to 1, is transcribed. Leaving the context waits for the last commit."""

    def __init__(
        self,
        running: RunningJob,
        recording: PreparedRecording,
        kept: Mapping[int, Piece],
        *,
        now: Callable[[], float],
    ) -> None:
        self._running, self._recording, self._now = running, recording, now
        self._seconds = {index: self._length(index) for index in kept}
        self._done = set(kept)
        self._reported_at = now()
        self._commit: asyncio.Task[None] | None = None

    @property
    def share(self) -> float:
        return self._recording.share_of(self._seconds)

    def add(self, piece: Piece) -> float:
        """The piece is whole; the share with it."""
        self._done.add(piece.index)
        self._seconds[piece.index] = self._length(piece.index)
        return self.share

    def report(self, part: PartialPiece) -> None:
        """It is committed in the background, or passed over for the next one."""
        if part.index in self._done:
            return
        self._seconds[part.index] = min(part.seconds, self._length(part.index))
        reached = progress.of_transcribing(self.share)
        is_committing = self._commit is not None and not self._commit.done()
        before, since = self._running.job.progress, self._now() - self._reported_at
        if not is_committing and progress.is_news(reached, before=before, seconds=since):
            self._reported_at = self._now()
            self._commit = asyncio.create_task(self._commit_part(part, self.share))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._commit is not None:
            await asyncio.wait((self._commit,), timeout=_LONGEST_COMMIT)

    async def _commit_part(self, part: PartialPiece, share: float) -> None:
        transcript = Transcript(text=part.text, duration=part.seconds)
        piece = Piece(index=part.index, start=part.start, transcript=transcript)

        def add_part(job: Job) -> Job:
            if part.index in self._done:  # its whole text is committed, or about to be
                raise StaleJob(job.job_id)
            return state.add_part(job, share=share, now=self._now())

        # Whatever is wrong with the store or the job also fails the next commit, which matters.
        with suppress(StaleJob, state.IllegalTransition, EscribaError):
            await self._running.change(add_part, "progress", piece=piece)

    def _length(self, index: int) -> float:
        return self._recording.seconds_of(self._recording.cuts[index])
