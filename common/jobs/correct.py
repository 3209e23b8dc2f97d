"""A person corrects the text of a completed job; what the engine gave stays beside it.

A correction names the `seq` of the text that it was made of, so that nobody overwrites what they have not
seen.
"""

from __future__ import annotations

from asyncio import to_thread
from collections.abc import Callable, Collection
from functools import partial

from common.errors import TranscriptChanged, TranscriptNotReady
from common.jobs import text_state
from common.jobs.actions import get_readable, repeat_while_stale
from common.jobs.commit import commit_job
from common.models import Job, Transcript
from common.services import Services
from common.speakers.relabel import keep_speakers

Change = Callable[[Transcript], Transcript]


async def read_text(services: Services, job_id: str, *, original: bool = False) -> tuple[Job, Transcript]:
    """The job and its text, or what the engine gave. Raises JobNotFound, JobExpired, TranscriptNotReady."""
    job = await get_readable(services, job_id)
    kept = await services.jobs.result(job_id, original=True) if original and job.revision else None
    result = kept or (await services.jobs.result(job_id) if job.status == "completed" else None)
    if result is None:
        raise TranscriptNotReady(status=job.status)
    return job, result


async def correct(services: Services, job_id: str, change: Change, *, seqs: Collection[int] | None) -> Job:
    """Commit what `change` makes of the text; with `seqs`, only of the text of those commits.

    Of the same text before its speakers came, too: they are kept for the corrected words.

    `change` is pure and may be called again; what it raises flies on. Without a difference nothing is
    committed. Raises TranscriptChanged, and what `read_text` does.
    """
    return await repeat_while_stale(lambda: _correct(services, job_id, change, seqs))


async def _correct(services: Services, job_id: str, change: Change, seqs: Collection[int] | None) -> Job:
    job, before = await read_text(services, job_id)
    text = "text" if seqs is None else text_state.made_of(job, seqs)
    if text is None:
        raise TranscriptChanged
    change = partial(keep_speakers, change) if text == "unlabelled" else change
    after = await to_thread(change, before)
    if after == before:
        return job
    await services.jobs.keep_original(job_id)
    now = services.now()
    corrected = text_state.correct(job, now=now, expires_at=services.retention_end(now), of=text)
    return await commit_job(services, corrected, result=after)
