"""Gives a completed job its speakers as a later snapshot: a task, run under a lease of its own.

The text may change meanwhile: embeddings are made once, by the engine's words, and laid on the words that
the text has in the end. Where a person has named speakers by then, theirs stay.
"""

from __future__ import annotations

import asyncio
import random
import tempfile
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path

from common.audio.ffmpeg_turns import run_for
from common.backoff import Backoff, doubling
from common.errors import EscribaError, JobNotFound, SpeakersFailed, StoreUnavailable
from common.jobs import cut_off, text_state
from common.jobs.actions import repeat_while_stale
from common.jobs.commit import commit_job
from common.jobs.kept_texts import remember_unless_erased
from common.jobs.lease import keep_lease
from common.jobs.listening_reports import ListeningReports
from common.jobs.needless_audio import remove_needless_audio
from common.jobs.running_job import retry_while_busy
from common.jobs.transition import IllegalTransition
from common.log import log
from common.models import Job, Transcript
from common.ports import LeaseLost, StaleJob
from common.services import Services
from common.speaker_tasks_port import SpeakerTask, SpeakerTasks
from common.text.speakers import has_speakers
from common.transcription.option_rules import can_distinguish_speakers
from common.transcription.pipeline import prepare_recording
from common.transcription.speakers import (
    assign_speakers,
    has_words,
    listen,
    without_speakers,
)

_BACKOFF = Backoff(doubling(2.0, 300.0), spread=0.5)
_STORE_PAUSE = 2.0
_SUPERSEDED = (StaleJob, LeaseLost, JobNotFound, IllegalTransition)  # nobody wants them any more

Label = Callable[[Transcript], Awaitable[Transcript]]


async def run_speaker_task(
    services: Services, tasks: SpeakerTasks, task: SpeakerTask, holder: str, *, seconds: float | None = None
) -> None:
    """Run a claimed task. What goes wrong with it becomes a later try or a warning, not an exception.

    After `seconds` it gives the task back. That counts as an attempt: a stretch that takes longer than any
    run has is given up in the end. Cancelled from outside (a shutdown), which does not count, it gives the
    task back and raises the cancellation.
    """
    run = _Run(services, tasks, task, holder)
    try:
        async with asyncio.timeout(seconds), keep_lease(services, task.job_id, run.renew):
            await run.execute()
    except TimeoutError:
        log("speakers.cut", jobId=task.job_id, attempts=run.attempts)
        await run.leave(attempts=run.attempts)
    except _SUPERSEDED:
        log("speakers.superseded", jobId=task.job_id)
    except EscribaError as exc:
        log("speakers.interrupted", level="WARNING", jobId=task.job_id, code=exc.code)
        await run.give_back(services.now() + _STORE_PAUSE, attempts=run.attempts)
    except asyncio.CancelledError:
        await asyncio.shield(run.leave(attempts=run.attempts_before))
        raise


class _Run:
    def __init__(self, services: Services, tasks: SpeakerTasks, task: SpeakerTask, holder: str) -> None:
        self._services = services
        self._tasks = tasks
        self._job_id = task.job_id
        self._holder = holder
        self.attempts = task.attempts

    @property
    def attempts_before(self) -> int:
        """Without this one: it did not fail by itself."""
        return max(0, self.attempts - 1)

    async def renew(self, now: float) -> None:
        seconds = self._services.settings.lease_seconds
        await self._tasks.renew(self._job_id, self._holder, now=now, seconds=seconds)

    async def give_back(self, due_at: float, *, attempts: int) -> None:
        with suppress(LeaseLost, EscribaError, TimeoutError):
            async with asyncio.timeout(cut_off.TIMEOUT):
                await self._tasks.give_back(self._job_id, self._holder, due_at=due_at, attempts=attempts)

    async def leave(self, *, attempts: int) -> None:
        """After a cut, which may have come right after the last commit."""
        with suppress(EscribaError, TimeoutError):
            async with asyncio.timeout(cut_off.TIMEOUT):
                await self.give_back(self._services.now(), attempts=attempts)
                await remove_needless_audio(self._services, await self._services.jobs.get(self._job_id))

    async def execute(self) -> None:
        try:
            await self._find_speakers()
        except StoreUnavailable as away:
            log("speakers.waits", level="WARNING", jobId=self._job_id, code=away.code)
            # Not given back at once: a task that was never tried is due at once.
            await asyncio.sleep(away.retry_after or _STORE_PAUSE)
            await retry_while_busy(self._give_back_untried)  # while the store is away, the lease is ours

    async def _give_back_untried(self) -> None:
        due_at, attempts = self._services.now(), self.attempts_before
        await self._tasks.give_back(self._job_id, self._holder, due_at=due_at, attempts=attempts)

    async def _find_speakers(self) -> None:
        job = await self._services.jobs.get(self._job_id)
        if job.speakers_progress is None:
            raise LeaseLost(self._job_id)
        run_for(job.client)
        try:
            await self._listen(job)
        except (*_SUPERSEDED, StoreUnavailable):
            raise
        except (EscribaError, TimeoutError) as exc:
            await self._fail_or_back_off(exc)
        except Exception as exc:  # noqa: BLE001 - the border: a bug must end a task, not leave it for ever
            log("speakers.broke", level="ERROR", jobId=self._job_id, exc_info=exc)
            await self._fail_or_back_off(SpeakersFailed())

    async def _listen(self, job: Job) -> None:
        services, jobs = self._services, self._services.jobs
        is_given_up = self.attempts > services.settings.max_attempts  # each run killed its process
        if is_given_up or not can_distinguish_speakers(services):
            raise SpeakersFailed
        text = await jobs.result(self._job_id, original=True) or await jobs.result(self._job_id)
        if text is None:
            raise JobNotFound
        with tempfile.TemporaryDirectory(dir=services.scratch, prefix="speakers-") as name:
            folder = Path(name)
            packed = await self._embed(job, text, folder)

            async def label(transcript: Transcript) -> Transcript:
                if has_words(text) and not has_words(transcript):
                    return transcript  # a correction has taken all away
                return await assign_speakers(services.active, transcript, packed, job.options, folder)

            await self._end(label)

    async def _embed(self, job: Job, text: Transcript, folder: Path) -> bytes:
        services, tasks = self._services, self._tasks
        async with asyncio.timeout(services.settings.speakers_timeout):
            source = await services.audio.fetch(self._job_id, folder)
            recording = await prepare_recording(services, source, job.options, folder, use="job")
            kept = await retry_while_busy(lambda: tasks.kept(self._job_id))
            async with ListeningReports(services, self._job_id) as reports:
                return await listen(
                    services, recording, text, folder, kept=kept, keep=self._keep, on_share=reports.report
                )

    async def _keep(self, index: int, packed: bytes) -> None:
        await retry_while_busy(lambda: self._tasks.keep(self._job_id, index, packed, holder=self._holder))
        self.attempts = 1

    async def _fail_or_back_off(self, error: EscribaError | TimeoutError) -> None:
        attempts = self.attempts
        if attempts < self._services.settings.max_attempts and can_distinguish_speakers(self._services):
            pause = _BACKOFF.pause(attempts, random.random())  # noqa: S311 - guards nothing
            log("speakers.waits", level="WARNING", jobId=self._job_id, code=getattr(error, "code", "timeout"))
            await self.give_back(self._services.now() + pause, attempts=attempts)
            return

        async def warn(transcript: Transcript) -> Transcript:
            return without_speakers(transcript, error)

        await self._end(warn)

    async def _end(self, label: Label) -> None:
        """Commit the text with its speakers; anew where somebody changes it meanwhile."""
        job, text = await repeat_while_stale(lambda: self._commit(label))
        await self._services.audio.remove(self._job_id)
        if not job.revision:
            await remember_unless_erased(self._services, job, text)

    async def _commit(self, label: Label) -> tuple[Job, Transcript]:
        services = self._services
        job, text = await services.jobs.get(self._job_id), await services.jobs.result(self._job_id)
        ended = text_state.end_listening(job, now=services.now())
        if text is None:
            raise JobNotFound
        labelled = text if has_speakers(text) else await label(text)
        return await commit_job(services, ended, result=labelled), labelled
