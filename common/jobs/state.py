"""What may become of a job: pure transitions, each a new value of it with the next `seq`.

    pending → queued → processing ⇄ waiting → completed | failed | cancelled

Within one run state only moves forward and terminal states absorb; `retry` begins the next run.
Nothing here reads a clock or a store: `now` is passed in, and the caller commits what a transition returns.
How a job fetches its recording from an address is in download_state.py; what happens to a text after the end
is in text_state.py.
"""

from __future__ import annotations

from typing import Any

from common.errors import EscribaError, Interrupted, JobNotRetryable, Sentence
from common.jobs import progress, suspects, transition
from common.jobs.transition import NO_WAIT, forward, named_audio, next_value, require
from common.models import Audio, Job, JobError, Options, Stage
from common.wait_reasons import WaitReason

IllegalTransition = transition.IllegalTransition


def accept(job_id: str, *, options: Options, now: float, expires_at: float, **fields: Any) -> Job:
    """A new job that waits for its audio."""
    return Job(
        job_id=job_id,
        options=options,
        created_at=now,
        updated_at=now,
        expires_at=expires_at,
        status="pending",
        stage="upload",
        **fields,
    )


def expect_audio(job: Job, audio: Audio) -> Job:
    """A new job that names the audio which will be kept for it: it takes no other."""
    return job.model_copy(update={"audio": named_audio(audio, job)})


def bind_audio(job: Job, audio: Audio, *, now: float) -> Job:
    """As `expect_audio`, for a job that is stored already."""
    require(job, "pending")
    return next_value(job, now, audio=named_audio(audio, job))


def queue(job: Job, audio: Audio, *, now: float, expires_at: float) -> Job:
    """The job's audio is kept: a worker may take the job up."""
    require(job, "pending")
    return next_value(job, now, status="queued", stage="queue", audio=audio, expires_at=expires_at)


def start(job: Job, *, now: float) -> Job:
    """A worker takes the job up, for the first time or again."""
    require(job, "queued", "waiting")
    return next_value(
        job,
        now,
        status="processing",
        stage=_first_stage(job),
        attempts=job.attempts + 1,
        started_at=job.started_at or now,
        **NO_WAIT,
    )


def _first_stage(job: Job) -> Stage | None:
    """Where a run begins; a later one goes on at the stage that the last one reached."""
    if job.source_url is not None and job.audio is None:
        return "download"
    return "prepare" if job.stage in {"upload", "queue", "download"} else job.stage


def prepare(job: Job, *, share: float, now: float) -> Job:
    """`share` (0 to 1) of the recording has been read and made ready."""
    require(job, "processing")
    return next_value(job, now, stage="prepare", progress=forward(job, progress.of_preparing(share)))


def plan(job: Job, *, pieces: int, done: int, now: float, share: float | None = None) -> Job:
    """The recording is ready, in `pieces` of which an earlier run kept `done`: `share` (0 to 1) of it all."""
    require(job, "processing")
    reached = forward(job, progress.of_pieces(done, pieces, share))
    return next_value(job, now, stage="transcribe", pieces_total=pieces, pieces_done=done, progress=reached)


def add_part(job: Job, *, share: float, now: float) -> Job:
    """The engine has transcribed `share` (0 to 1) of the recording, and is in the midst of a piece."""
    require(job, "processing")
    return next_value(job, now, progress=forward(job, progress.of_transcribing(share)))


def add_piece(job: Job, *, done: int, language: str | None, now: float, share: float | None = None) -> Job:
    """`done` of the pieces are transcribed, the first of them in `language`; `share` as in `plan`.

    The job made progress, so attempts and deaths count from here: only a job that makes none is given up.
    """
    require(job, "processing")
    total = job.pieces_total or done
    return next_value(
        job,
        now,
        pieces_done=done,
        attempts=min(job.attempts, 1),
        deaths=0,
        language=job.language or language,
        progress=forward(job, progress.of_pieces(done, total, share)),
    )


def merge(job: Job, *, now: float) -> Job:
    """All pieces are transcribed; their texts become one."""
    require(job, "processing")
    return next_value(job, now, stage="merge", progress=forward(job, progress.MERGING))


def wait(
    job: Job, *, until: float, now: float, attempt_counts: bool, reason: WaitReason | None = None
) -> Job:
    """The job goes on at `until`. Waiting for quota is no attempt; backing off after an error is one."""
    require(job, "processing")
    return next_value(
        job,
        now,
        status="waiting",
        waiting_until=max(until, now),
        waiting_for=reason,
        attempts=job.attempts if attempt_counts else max(job.attempts - 1, 0),
    )


def give_back(job: Job, *, now: float) -> Job:
    """The worker shuts down in good order: the job goes back to the queue, and that is no attempt."""
    return wait(job, until=now, now=now, attempt_counts=False, reason="restart")


def record_death(job: Job, *, isolated: bool, now: float) -> Job:
    """The process that ran the job died, or stood still until it lost the lease.

    That is an attempt only where no other job can have been the cause. `isolated` as in `suspects`.
    """
    require(job, "processing")
    counts = suspects.ran_alone(job, isolated=isolated)
    delay = suspects.wait_after_death(job, isolated=isolated)
    after = wait(job, until=now + delay, now=now, attempt_counts=counts, reason="crash")
    return after.model_copy(update={"deaths": job.deaths + 1})


def prolong(job: Job, *, now: float, expires_at: float) -> Job:
    """The job's time is up and it stays: it still has to run, or to get the audio that was posted for it."""
    require(job, "pending", "queued", "processing", "waiting")
    return next_value(job, now, expires_at=expires_at)


def complete(
    job: Job, *, language: str | None, now: float, expires_at: float, is_cached: bool = False
) -> Job:
    require(job, "processing")
    return next_value(
        job,
        now,
        status="completed",
        stage=None,
        progress=100.0,
        language=language or job.language,
        cached=True if is_cached else None,
        pieces_done=job.pieces_total or job.pieces_done,
        completed_at=now,
        expires_at=expires_at,
    )


def fail(job: Job, error: EscribaError, *, now: float, expires_at: float) -> Job:
    require(job, "pending", "queued", "processing", "waiting")
    why = JobError(
        code=error.code,
        details={name: value for name, value in error.details.items() if not isinstance(value, Sentence)},
        stage=job.stage or "queue",
        retryable=error.retryable,
    )
    end = NO_WAIT | {"completed_at": now, "expires_at": expires_at}
    return next_value(job, now, status="failed", error=why, **end)


def interrupt(job: Job, *, now: float, expires_at: float) -> Job:
    """The job kills each process that runs it, so it fails instead of starting again."""
    return fail(job, Interrupted(attempts=job.deaths), now=now, expires_at=expires_at)


def cancel(job: Job, *, now: float, expires_at: float) -> Job:
    require(job, "pending", "queued", "processing", "waiting")
    return next_value(job, now, status="cancelled", completed_at=now, expires_at=expires_at, **NO_WAIT)


def erase(job: Job, *, now: float, forget_at: float) -> Job:
    """Audio and text are removed; that the job existed, and when they went, is kept until `forget_at`."""
    nothing = dict.fromkeys(("source_url", "received_bytes", "total_bytes", "speakers_progress", "text_seq"))
    return next_value(job, now, erased_at=now, expires_at=forget_at, **nothing)


def retry(job: Job, *, now: float, expires_at: float, has_audio: bool) -> Job:
    """A person asks again: the next run, with the same options and the pieces that are kept.

    Raises JobNotRetryable unless the job failed or was cancelled.
    """
    if job.status not in {"failed", "cancelled"}:
        raise JobNotRetryable(status=job.status)
    can_run = has_audio or job.source_url is not None
    status, stage = ("queued", "queue") if can_run else ("pending", "upload")
    audio = job.audio if has_audio else None
    return _next_run(job, now, expires_at, status=status, stage=stage, audio=audio)


def submit_again(job: Job, *, audio: Audio | None, now: float, expires_at: float) -> Job:
    """The same request after the job's audio and text are gone: the next run, from its beginning."""
    require(job, "completed", "failed", "cancelled")
    return _next_run(job, now, expires_at, status="pending", stage="upload", audio=audio, language=None)


def _next_run(job: Job, now: float, expires_at: float, **changes: Any) -> Job:
    return next_value(
        job,
        now,
        filename=job.filename or (job.audio.filename if job.audio else None),
        run=job.run + 1,
        attempts=0,
        deaths=0,
        progress=0.0,
        pieces_done=0,
        pieces_total=None,
        error=None,
        cached=None,
        revision=None,
        unlabelled_seq=None,
        received_bytes=None,
        total_bytes=None,
        started_at=None,
        completed_at=None,
        erased_at=None,
        expires_at=expires_at,
        **changes,
    )
