"""One job from its stored state to its end or its next wait: lease, prepare, transcribe, merge.

Every step may run twice: pieces are kept by index, and the store refuses a commit that comes too late. "Not
now" (quota, a busy engine) is no failure: the job waits until a time, and another job takes its place.
"""

from __future__ import annotations

import asyncio
import random
import tempfile
from contextlib import suppress
from pathlib import Path

from common.audio.ffmpeg_turns import run_for
from common.backoff import Backoff, doubling
from common.errors import EscribaError, JobNotFound, RetryLater, StoreUnavailable
from common.jobs import cut_off, state, suspects
from common.jobs.download import download_if_missing
from common.jobs.kept_texts import remember_unless_erased
from common.jobs.lease import keep_lease
from common.jobs.needless_audio import remove_needless_audio
from common.jobs.partial_reports import PartialReports
from common.jobs.running_job import ProgressReports, RunningJob, counting_services, retry_while_busy
from common.jobs.text_state import expect_speakers
from common.jobs.voices import JobText, add_job_speakers
from common.log import log
from common.models import Job, Piece
from common.ports import LeaseLost, StaleJob
from common.services import Services
from common.transcription.cache import recall
from common.transcription.pipeline import (
    PreparedRecording,
    are_pieces_reusable,
    merge_pieces,
    prepare_recording,
    transcribe_pieces,
)
from common.wait_reasons import wait_reason

# Seconds before the next attempt, spread so that many jobs do not come back at once.
_BACKOFF = Backoff(doubling(2.0, 300.0), spread=0.5)
_STORE_PAUSE = 2.0


async def run_job(services: Services, job_id: str, holder: str, *, isolated: bool = False) -> None:
    """Run a job under a lease of `holder`'s. What goes wrong with it becomes its state, not an exception.

    `isolated`: no other job ever runs in this process. Where jobs share one, suspects must be leased alone.
    Cancelled from outside (a shutdown), it gives the job back to the queue and raises the cancellation.
    """
    try:
        job = await services.jobs.lease(
            job_id, holder, now=services.now(), seconds=services.settings.lease_seconds
        )
    except (LeaseLost, JobNotFound):
        return
    except StoreUnavailable as exc:
        log("job.interrupted", level="WARNING", jobId=job_id, code=exc.code)
        return
    run_for(job.client)
    run = _Run(services, job, holder, isolated=isolated)
    try:
        async with keep_lease(services, job_id, run.renew):
            await run.execute()
    except (StaleJob, LeaseLost, JobNotFound, state.IllegalTransition):  # illegal: it waits for audio again
        log("job.superseded", jobId=job_id)
    except EscribaError as exc:
        log("job.interrupted", level="WARNING", jobId=job_id, code=exc.code)
        # The store keeps nothing now and the job is due at once: without a pause it would start in a loop.
        await asyncio.sleep(_STORE_PAUSE)
    except asyncio.CancelledError:
        await asyncio.shield(run.give_back())
        raise
    finally:
        with suppress(EscribaError, TimeoutError):
            async with asyncio.timeout(cut_off.TIMEOUT):
                await asyncio.shield(services.jobs.release(job_id, holder))


class _Run:
    def __init__(self, services: Services, job: Job, holder: str, *, isolated: bool) -> None:
        self._services = services.serving(job.owner)
        self._running = RunningJob(services, job)
        self._holder = holder
        self._isolated = isolated

    async def execute(self) -> None:
        if self._job.status == "processing" and not await self._record_death():
            return
        await self._running.change(lambda job: state.start(job, now=self._now))
        try:
            await self._transcribe()
        except (StaleJob, LeaseLost, JobNotFound):
            raise
        except RetryLater as later:
            await self._wait(later.delay, later.reason, attempt_counts=False)
        except StoreUnavailable as away:  # the recording is there once the store answers: no attempt counts
            await self._wait(away.retry_after or _STORE_PAUSE, "store", attempt_counts=False)
        except EscribaError as error:
            await self._fail_or_back_off(error)
        except Exception as exc:  # noqa: BLE001 - the border: a bug must end a job, not leave it for ever
            log("job.broke", level="ERROR", jobId=self._job.job_id, exc_info=exc)
            await self._fail_or_back_off(EscribaError())

    async def renew(self, now: float) -> None:
        seconds = self._services.settings.lease_seconds
        await self._services.jobs.renew(self._job.job_id, self._holder, now=now, seconds=seconds)

    async def give_back(self) -> None:
        await cut_off.give_back(self._services, self._running, self.renew)

    async def _record_death(self) -> bool:
        """Record the death of the process that ran the job last; whether this run may go on with it now."""
        await self._running.change(
            lambda job: state.record_death(job, isolated=self._isolated, now=self._now)
        )
        job = self._job
        log("job.run_died", level="WARNING", jobId=job.job_id, deaths=job.deaths, attempts=job.attempts)
        if job.attempts >= self._services.settings.max_attempts:
            expires_at = self._retention_end
            await self._running.change(lambda job: state.interrupt(job, now=self._now, expires_at=expires_at))
            return False
        delay = (job.waiting_until or 0) - self._now
        if delay <= 0 and (self._isolated or not suspects.is_suspect(job)):
            return True
        await self._services.queue.put(job.job_id, delay=max(0.0, delay), client=job.client)
        return False

    # ── the work ───────────────────────────────────────────────────────────────────────────────────

    async def _transcribe(self) -> None:
        services = self._services
        with tempfile.TemporaryDirectory(dir=services.scratch, prefix="job-") as name:
            await download_if_missing(services, self._running, Path(name))
            known = await recall(services, self._sha256, self._job.options, owner=self._job.owner)
            text = JobText(known) if known else await self._recognise(Path(name))
        await self._complete(text, is_cached=known is not None)
        if known is None and not text.awaits_speakers:
            await remember_unless_erased(services, self._job, text.transcript)

    async def _recognise(self, folder: Path) -> JobText:
        services, options = await counting_services(self._services, self._job), self._job.options
        ready = await self._prepare(folder)
        kept = await self._kept_pieces(ready)
        parts = PartialReports(self._running, ready, kept, now=services.now)
        total, done, share = len(ready.cuts), len(kept), parts.share
        await self._running.change(
            lambda job: state.plan(job, pieces=total, done=done, share=share, now=self._now)
        )

        async def keep(piece: Piece) -> None:
            await self._keep(piece, parts.add(piece))

        async with parts:
            pieces = await transcribe_pieces(
                services, ready, options, folder, kept=kept, keep=keep, on_partial=parts.report
            )
        await self._running.change(lambda job: state.merge(job, now=self._now), "progress")
        text = await merge_pieces(services, ready, pieces, options)
        return await add_job_speakers(services, self._running, ready, text, folder, holder=self._holder)

    async def _prepare(self, folder: Path) -> PreparedRecording:
        services = self._services
        source = await services.audio.fetch(self._job.job_id, folder)
        reports = ProgressReports(self._running, now=services.now)
        ready = await prepare_recording(
            services, source, self._job.options, folder, use="job", on_progress=reports.report
        )
        await reports.finish()
        return ready

    async def _kept_pieces(self, ready: PreparedRecording) -> dict[int, Piece]:
        """The pieces that an earlier run kept, by index."""
        pieces = await self._services.jobs.pieces(self._job.job_id)
        if not are_pieces_reusable(pieces, ready):
            log("job.recut", jobId=self._job.job_id, pieces=len(pieces))
            await self._services.jobs.erase_text(self._job.job_id)
            return {}
        return {piece.index: piece for piece in pieces}

    async def _keep(self, piece: Piece, share: float) -> None:
        """Keep a piece, with which `share` of the recording is transcribed."""
        jobs, job_id = self._services.jobs, self._job.job_id
        await retry_while_busy(lambda: jobs.keep_piece(job_id, piece, holder=self._holder))
        transcript = piece.transcript
        language = transcript.language if transcript.text else None
        await self._running.change(
            lambda job: state.add_piece(
                job, done=job.pieces_done + 1, language=language, share=share, now=self._now
            ),
            "text",
            piece=piece,
        )

    # ── how it ends ───────────────────────────────────────────────────────────────────────────────

    async def _complete(self, text: JobText, *, is_cached: bool) -> None:
        language, expires_at = text.transcript.language, self._retention_end

        def complete(job: Job) -> Job:
            completed = state.complete(
                job, language=language, now=self._now, expires_at=expires_at, is_cached=is_cached
            )
            return expect_speakers(completed) if text.awaits_speakers else completed

        await self._running.change(complete, result=text.transcript)
        await remove_needless_audio(self._services, self._job)

    async def _fail_or_back_off(self, error: EscribaError) -> None:
        attempts = self._job.attempts
        if error.retryable and attempts < self._services.settings.max_attempts:
            pause = error.retry_after or _BACKOFF.pause(attempts, random.random())  # noqa: S311 - guards nothing
            await self._wait(pause, "error", attempt_counts=True)
            return
        expires_at = self._retention_end
        await self._running.change(lambda job: state.fail(job, error, now=self._now, expires_at=expires_at))
        await remove_needless_audio(self._services, self._job)

    async def _wait(self, delay: float, reason: str, *, attempt_counts: bool) -> None:
        now = self._now
        self._services.counters.count_wait(why := wait_reason(reason))
        await self._running.change(
            lambda job: state.wait(job, until=now + delay, now=now, attempt_counts=attempt_counts, reason=why)
        )
        await self._services.queue.put(self._job.job_id, delay=delay, client=self._job.client)

    @property
    def _job(self) -> Job:
        return self._running.job

    @property
    def _sha256(self) -> str:
        assert self._job.audio is not None
        return self._job.audio.sha256

    @property
    def _now(self) -> float:
        return self._services.now()

    @property
    def _retention_end(self) -> float:
        return self._services.retention_end(self._now)
