"""What may become of the text of a completed job: corrections, and speakers that come after it. All pure."""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal

from common.jobs.transition import IllegalTransition, next_value, require
from common.models import Job

# Of which text a correction was made: the one there is, or perhaps the same without its speakers.
MadeOf = Literal["text", "unlabelled"]


def made_of(job: Job, seqs: Collection[int]) -> MadeOf | None:
    """Which text of the job the commits `seqs` had; None: one that is no more.

    Progress of the speakers is a commit, too, and changes no text. Who has sent a correction of the text
    without speakers knows its `seq`, and may go on without having read the text with them.
    """
    first, last = job.unlabelled_seq, seq_of_text(job)
    if first is not None and any(first <= seq < max(last, first + 1) for seq in seqs):
        return "unlabelled"
    return "text" if any(last <= seq <= job.seq for seq in seqs) else None


def is_final(job: Job) -> bool:
    """Whether nothing more happens to it by itself until it expires: its speakers may come later."""
    return job.has_ended and job.speakers_progress is None


def seq_of_text(job: Job) -> int:
    """The commit that last changed the text of a completed job."""
    return job.text_seq or job.seq


def correct(job: Job, *, now: float, expires_at: float, of: MadeOf = "text") -> Job:
    """A person has corrected the text, and has as long to come back to it as if it were new."""
    require(job, "completed")
    return next_value(
        job,
        now,
        revision=(job.revision or 0) + 1,
        expires_at=max(job.expires_at, expires_at),
        text_seq=None,
        unlabelled_seq=job.seq + 1 if of == "unlabelled" else None,
    )


def expect_speakers(job: Job) -> Job:
    """A job that is completed just now, whose speakers come later."""
    require(job, "completed")
    return job.model_copy(update={"speakers_progress": 0.0})


def report_listening(job: Job, *, share: float, now: float) -> Job:
    """`share` (0 to 1) of the recording is listened to; the text is as it was."""
    _require_pending(job)
    reached = round(max(job.speakers_progress or 0.0, 100 * share), 1)
    return next_value(job, now, speakers_progress=reached, text_seq=seq_of_text(job))


def end_listening(job: Job, *, now: float) -> Job:
    """The text gets its speakers, or a warning that says why it has none."""
    _require_pending(job)
    return next_value(job, now, speakers_progress=None, text_seq=None, unlabelled_seq=seq_of_text(job))


def drop_speakers(job: Job, *, now: float) -> Job:
    """Nobody wants the speakers any more; the text is as it was."""
    _require_pending(job)
    return next_value(job, now, speakers_progress=None, text_seq=seq_of_text(job))


def is_mere_progress(job: Job) -> bool:
    """Whether the last commit of a completed job changed only how much is listened to."""
    return job.speakers_progress is not None and job.text_seq is not None


def _require_pending(job: Job) -> None:
    if job.status != "completed" or job.speakers_progress is None:
        raise IllegalTransition("no speakers are to come")
