"""One job from wherever it stands to its end or its next wait: lease, prepare, recognise, merge.

Every step may run twice: pieces are kept by index, and a commit that comes too late is refused by the
store. "Not now" (quota, a busy engine) is no failure: the job waits, with a time, and frees its place.
"""

from __future__ import annotations

import asyncio
import random
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from common.backoff import Backoff, doubling
from common.errors import AudioRefused, Busy, EscribaError, JobNotFound, RetryLater
from common.jobs import state
from common.jobs.commit import commit_job
from common.jobs.state import Kind
from common.log import log
from common.models import Job, Piece, Transcript
from common.ports import LeaseLost, StaleJob
from common.services import Services
from common.transcription.pipeline import (
    PreparedRecording,
    are_pieces_reusable,
    merge_pieces,
    prepare_recording,
    transcribe_pieces,
)

T = TypeVar("T")

_RENEWALS_A_LEASE = 3
_PROGRESS_EVERY = 1.0  # seconds between two commits of mere progress
# Seconds before the next attempt, spread so that many jobs do not come back at once.
_BACKOFF = Backoff(doubling(2.0, 300.0), spread=0.5)
_PAUSE = 2.0
_GIVING_BACK = 5.0  # seconds: a shutdown does not wait longer for a store that is locked


async def run_job(services: Services, job_id: str, holder: str) -> None:
    """Run a job under a lease of `holder`'s. What goes wrong with it becomes its state, not an exception.

    Cancelled from outside (a shutdown), it gives the job back to the queue and lets the cancellation fly.
    """
    try:
        job = await services.jobs.lease(
            job_id, holder, now=services.now(), seconds=services.settings.lease_seconds
        )
    except (LeaseLost, JobNotFound):
        return
    run = _Run(services, job, holder)
    try:
        async with _heartbeat(services, job_id, holder):
            await run.to_its_end()
    except (StaleJob, LeaseLost, JobNotFound, state.Illegal):  # Illegal: it awaits its audio again
        log("job.superseded", jobId=job_id)
    except EscribaError as exc:
        log("job.interrupted", level="WARNING", jobId=job_id, code=exc.code)
        # The store keeps nothing now, so the job is due again at once: not to be begun over and over.
        await asyncio.sleep(_PAUSE)
    except asyncio.CancelledError:
        await asyncio.shield(run.give_back())
        raise
    finally:
        with suppress(EscribaError):
            await asyncio.shield(services.jobs.release(job_id, holder))


@asynccontextmanager
async def _heartbeat(services: Services, job_id: str, holder: str) -> AsyncIterator[None]:
    """Renew the lease while the body runs; when it is lost, the body is cancelled and LeaseLost flies."""
    body = asyncio.current_task()
    assert body is not None
    lost: list[LeaseLost] = []

    async def renew() -> None:
        try:
            await _renewed_until_lost(services, job_id, holder)
        except LeaseLost as exc:
            lost.append(exc)
            body.cancel()

    renewing = asyncio.create_task(renew())
    try:
        yield
    except asyncio.CancelledError:
        if lost and body.uncancel() == 0:
            raise LeaseLost from lost[0]
        raise
    finally:
        renewing.cancel()
        with suppress(asyncio.CancelledError):
            await renewing


async def _renewed_until_lost(services: Services, job_id: str, holder: str) -> None:
    """Raises LeaseLost; a store that cannot answer loses nothing before the lease itself is over."""
    seconds = services.settings.lease_seconds
    ours_until = services.now() + seconds
    while True:
        await asyncio.sleep(seconds / _RENEWALS_A_LEASE)
        now = services.now()
        try:
            await services.jobs.renew(job_id, holder, now=now, seconds=seconds)
            ours_until = now + seconds
        except EscribaError as exc:
            if services.now() >= ours_until:
                raise LeaseLost(job_id) from exc


@dataclass(slots=True)
class _Run:
    services: Services
    job: Job
    holder: str
    _committing: asyncio.Lock = field(default_factory=asyncio.Lock)
    _telling: asyncio.Task[None] | None = None
    _told_at: float = 0.0

    async def to_its_end(self) -> None:
        if self.job.attempts >= self.services.settings.max_attempts:
            # Begun that often and never ended in order: something about it kills the process.
            await self._become(lambda job: state.interrupt(job, now=self._now, expires_at=self._kept_until))
            return
        await self._become(lambda job: state.start(job, now=self._now))
        try:
            await self._transcribe()
        except (StaleJob, LeaseLost, JobNotFound):
            raise
        except RetryLater as later:
            await self._wait(later.delay, attempt_counts=False)
        except EscribaError as error:
            await self._failed(error)
        except Exception as exc:  # noqa: BLE001 - the border: a bug must end a job, not leave it for ever
            log("job.broke", level="ERROR", jobId=self.job.job_id, exc_info=exc)
            await self._failed(EscribaError())

    async def give_back(self) -> None:
        with suppress(state.Illegal, StaleJob, EscribaError, TimeoutError):
            async with asyncio.timeout(_GIVING_BACK):
                await self._become(lambda job: state.give_back(job, now=self._now))

    # ── the work ───────────────────────────────────────────────────────────────────────────────────

    async def _transcribe(self) -> None:
        services, options = self.services, self.job.options
        with tempfile.TemporaryDirectory(dir=services.scratch, prefix="job-") as name:
            folder = Path(name)
            source = await services.audio.fetch(self.job.job_id, folder)
            ready = await prepare_recording(services, source, options, folder, on_progress=self._tell_share)
            if self._telling:
                await self._telling
            kept = await self._kept(ready)
            total = len(ready.cuts)
            await self._become(lambda job: state.planned(job, pieces=total, done=len(kept), now=self._now))
            pieces = await transcribe_pieces(services, ready, options, folder, kept=kept, keep=self._keep)
            await self._become(lambda job: state.merging(job, now=self._now), "progress")
            transcript = await merge_pieces(services, ready, pieces, options)
        await self._complete(transcript)

    async def _kept(self, ready: PreparedRecording) -> dict[int, Piece]:
        """The pieces that an earlier run kept, by index."""
        pieces = await self.services.jobs.pieces(self.job.job_id)
        if not are_pieces_reusable(pieces, ready):
            log("job.recut", jobId=self.job.job_id, pieces=len(pieces))
            await self.services.jobs.erase_text(self.job.job_id)
            return {}
        return {piece.index: piece for piece in pieces}

    def _tell_share(self, share: float) -> None:
        """The share that is prepared, as mere progress: no more often than watchers can make use of."""
        if self._now - self._told_at >= _PROGRESS_EVERY and (not self._telling or self._telling.done()):
            self._told_at = self._now
            self._telling = asyncio.create_task(self._told(share))

    async def _told(self, share: float) -> None:
        with suppress(StaleJob, state.Illegal, EscribaError):  # what really matters fails the next commit
            await self._become(lambda job: state.prepared(job, fraction=share, now=self._now), "progress")

    async def _keep(self, piece: Piece) -> None:
        jobs, job_id = self.services.jobs, self.job.job_id
        await _patiently(lambda: jobs.keep_piece(job_id, piece, holder=self.holder))
        said = piece.transcript
        language = said.language if said.text else None
        await self._become(
            lambda job: state.piece_done(job, done=job.pieces_done + 1, language=language, now=self._now),
            "text",
            piece=piece,
        )

    # ── what becomes of it ─────────────────────────────────────────────────────────────────────────

    async def _complete(self, transcript: Transcript) -> None:
        language, expires_at = transcript.language, self._kept_until
        await self._become(
            lambda job: state.complete(job, language=language, now=self._now, expires_at=expires_at),
            result=transcript,
        )
        await self.services.audio.remove(self.job.job_id)

    async def _failed(self, error: EscribaError) -> None:
        if error.retryable and self.job.attempts < self.services.settings.max_attempts:
            await self._wait(error.retry_after or _backoff(self.job.attempts), attempt_counts=True)
        else:
            await self._become(lambda job: state.fail(job, error, now=self._now, expires_at=self._kept_until))
            if isinstance(error, AudioRefused):
                # It will be refused again: kept, ten files of noise would fill the storage for days.
                await self.services.audio.remove(self.job.job_id)

    async def _wait(self, delay: float, *, attempt_counts: bool) -> None:
        now = self._now
        await self._become(
            lambda job: state.wait(job, until=now + delay, now=now, attempt_counts=attempt_counts)
        )
        await self.services.queue.put(self.job.job_id, delay=delay)

    async def _become(
        self,
        change: Callable[[Job], Job],
        kind: Kind = "state",
        *,
        piece: Piece | None = None,
        result: Transcript | None = None,
    ) -> None:
        # Pieces are heard side by side: each change is made of what the one before it left.
        async with self._committing:
            after = change(self.job)
            self.job = await _patiently(
                lambda: commit_job(self.services, after, kind, piece=piece, result=result)
            )

    @property
    def _now(self) -> float:
        return self.services.now()

    @property
    def _kept_until(self) -> float:
        return self.services.kept_until(self._now)


async def _patiently(step: Callable[[], Awaitable[T]]) -> T:
    """What was heard is not lost to a store that is locked for a while; the lease's end bounds the wait."""
    while True:
        try:
            return await step()
        except Busy as busy:
            await asyncio.sleep(busy.retry_after or 1.0)


def _backoff(attempts: int) -> float:
    return _BACKOFF.pause(attempts, random.random())  # noqa: S311 - spreads retries, guards nothing
