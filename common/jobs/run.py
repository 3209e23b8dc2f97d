"""One job from wherever it stands to its end or its next wait: lease, prepare, recognise, merge.

Every step may run twice: pieces are kept by index, and a commit that comes too late is refused by the
store. "Not now" (quota, a busy engine) is no failure: the job waits, with a time, and frees its place.
"""

from __future__ import annotations

import asyncio
import random
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from common.audio.prepare import Prepared, prepare
from common.audio.probe import probe
from common.errors import EngineMissing, EscribaError, JobNotFound, RetryLater
from common.jobs import state
from common.jobs.announce import record
from common.jobs.state import Kind
from common.log import log
from common.models import Chunk, Job, Transcript
from common.ports import LeaseLost, StaleJob
from common.quota import Quota, Wait
from common.services import Services
from common.transcript import merge

_RENEWALS_A_LEASE = 3
_PROGRESS_EVERY = 1.0  # seconds between two commits of mere progress


class _Superseded(Exception):
    """The job is somebody else's now, or was cancelled: stop without a word."""


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
    run = _Run(services, job)
    try:
        async with _heartbeat(services, job_id, holder):
            await run.to_its_end()
    except (_Superseded, StaleJob, LeaseLost, JobNotFound):
        log("job.superseded", jobId=job_id)
    except asyncio.CancelledError:
        await asyncio.shield(run.give_back())
        raise
    finally:
        await asyncio.shield(services.jobs.release(job_id, holder))


@asynccontextmanager
async def _heartbeat(services: Services, job_id: str, holder: str) -> AsyncIterator[None]:
    """Renew the lease while the body runs; when it is lost, the body is cancelled and LeaseLost flies."""
    body = asyncio.current_task()
    assert body is not None
    lost: list[Exception] = []

    seconds = services.settings.lease_seconds

    async def renew() -> None:
        try:
            while True:
                await asyncio.sleep(seconds / _RENEWALS_A_LEASE)
                await services.jobs.renew(job_id, holder, now=services.now(), seconds=seconds)
        except (LeaseLost, EscribaError) as exc:
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


@dataclass(slots=True)
class _Run:
    services: Services
    job: Job
    _last_progress: float = 0.0
    _committing: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def to_its_end(self) -> None:
        settings = self.services.settings
        if self.job.attempts >= settings.max_attempts:
            # Begun that often and never ended in order: something about it kills the process.
            await self._become(state.interrupt(self.job, now=self._now, expires_at=self._kept_until))
            return
        await self._become(state.start(self.job, now=self._now))
        try:
            await self._transcribe()
        except RetryLater as later:
            await self._wait(later.delay, attempt_counts=False)
        except EscribaError as error:
            await self._failed(error)
        except (_Superseded, StaleJob, LeaseLost, JobNotFound):
            raise
        except Exception as exc:  # noqa: BLE001 - the border: a bug must end a job, not leave it for ever
            log("job.broke", level="ERROR", jobId=self.job.job_id, exc_info=exc)
            await self._failed(EscribaError())

    async def give_back(self) -> None:
        with suppress(StaleJob, JobNotFound, state.Illegal, EscribaError):
            await self._become(state.give_back(self.job, now=self._now))

    # ── the work ──────────────────────────────────────────────────────────────────────────────────

    async def _transcribe(self) -> None:
        if self.services.engine_problem:
            raise EngineMissing
        with tempfile.TemporaryDirectory(dir=self.services.scratch, prefix="job-") as name:
            folder = Path(name)
            prepared = await self._prepare(folder)
            chunks = await self._recognise(prepared)
        await self._become(state.merging(self.job, now=self._now), "progress")
        await self._complete(merge(chunks, duration=prepared.duration))

    async def _prepare(self, folder: Path) -> Prepared:
        services = self.services
        source = await services.audio.fetch(self.job.job_id, folder)
        probed = await probe(services.ffmpeg, source, max_seconds=services.settings.max_audio_minutes * 60)
        return await prepare(services.ffmpeg, source, probed, folder)

    async def _recognise(self, prepared: Prepared) -> list[Chunk]:
        kept = await self.services.jobs.chunks(self.job.job_id)
        await self._become(state.planned(self.job, pieces=1, done=len(kept), now=self._now))
        if kept:
            return kept
        await self._reserve(prepared.duration)
        recognition = await self.services.engine.transcribe(
            prepared.path, format=prepared.format, duration=prepared.duration, options=self.job.options
        )
        chunk = Chunk(index=0, start=0.0, transcript=recognition.transcript)
        await self._keep(chunk)
        return [chunk]

    async def _reserve(self, seconds: float) -> None:
        """Take the engine's time from the account, or learn how long to wait."""
        if self.services.quota is None:
            return
        now = self._now

        def take(quota: Quota) -> tuple[Quota, Wait | None]:
            taken = quota.reserve(now, seconds)
            return (quota, taken) if isinstance(taken, Wait) else (taken, None)

        if wait := await self.services.quota.change(take):
            raise RetryLater(wait.delay, wait.bucket)

    async def _keep(self, chunk: Chunk) -> None:
        await self.services.jobs.keep_chunk(self.job.job_id, chunk)
        after = state.piece_done(
            self.job, done=self.job.chunks_done + 1, language=chunk.transcript.language, now=self._now
        )
        await self._become(after, "text", chunk=chunk)

    # ── what becomes of it ────────────────────────────────────────────────────────────────────────

    async def _complete(self, transcript: Transcript) -> None:
        done = state.complete(
            self.job, language=transcript.language, now=self._now, expires_at=self._kept_until
        )
        await self._become(done, result=transcript)
        await self.services.audio.remove(self.job.job_id)

    async def _failed(self, error: EscribaError) -> None:
        if error.retryable and self.job.attempts < self.services.settings.max_attempts:
            backoff = error.retry_after or min(300.0, 2.0**self.job.attempts) * (0.5 + random.random())  # noqa: S311 - spreads retries, guards nothing
            await self._wait(backoff, attempt_counts=True)
        else:
            await self._become(state.fail(self.job, error, now=self._now, expires_at=self._kept_until))

    async def _wait(self, delay: float, *, attempt_counts: bool) -> None:
        now = self._now
        await self._become(state.wait(self.job, until=now + delay, now=now, attempt_counts=attempt_counts))
        await self.services.queue.put(self.job.job_id, delay=delay)

    async def _become(
        self, job: Job, kind: Kind = "state", *, chunk: Chunk | None = None, result: Transcript | None = None
    ) -> None:
        self.job = await record(self.services, job, kind, chunk=chunk, result=result)

    @property
    def _now(self) -> float:
        return self.services.now()

    @property
    def _kept_until(self) -> float:
        return self._now + self.services.settings.retention_hours * 3600
