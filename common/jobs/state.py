"""What may become of a job: pure transitions, each a new value of it with the next `seq`.

    pending → queued → processing ⇄ waiting → completed | failed | cancelled

Within one run state only moves forward and terminal states absorb; `retry` begins the next run.
Nothing here reads a clock or a store: `now` is passed in, and the caller commits what comes back.
"""

from __future__ import annotations

from typing import Any, Literal

from common.errors import EscribaError, Interrupted, JobNotRetryable, Sentence
from common.models import Audio, Job, JobError, JobEvent, Options, Piece

Kind = Literal["state", "progress", "text"]

# Where the progress of each stage lies between 0 and 100: preparing is quick beside the engine's work.
PREPARED_AT = 10.0
MERGING_AT = 99.0


class Illegal(Exception):
    """The transition cannot follow the job's state: it ended, or the caller is late."""


def accept(
    job_id: str, *, options: Options, now: float, expires_at: float, audio: Audio | None = None, **known: Any
) -> Job:
    """A new job: `queued` when its audio has come, else `pending`."""
    here = Job(
        job_id=job_id,
        options=options,
        created_at=now,
        updated_at=now,
        expires_at=expires_at,
        status="pending",
        stage="upload",
        **known,
    )
    came = {"status": "queued", "stage": "queue", "audio": audio}
    return here if audio is None else here.model_copy(update=came)


def promised(job: Job, audio: Audio) -> Job:
    """A new job that names the audio that is to come: no other will be taken for it."""
    return job.model_copy(update={"audio": audio})


def audio_comes(job: Job, audio: Audio, *, now: float) -> Job:
    """As `promised`, for a job that stands already."""
    _require(job, "pending")
    return _next(job, now, audio=audio)


def audio_came(job: Job, audio: Audio, *, now: float, expires_at: float) -> Job:
    _require(job, "pending")
    return _next(job, now, status="queued", stage="queue", audio=audio, expires_at=expires_at)


def start(job: Job, *, now: float) -> Job:
    """A worker takes it up, for the first time or again."""
    _require(job, "queued", "waiting", "processing")
    return _next(
        job,
        now,
        status="processing",
        stage="prepare" if job.stage in {"upload", "queue"} else job.stage,
        attempts=job.attempts + 1,
        started_at=job.started_at or now,
        waiting_until=None,
    )


def prepared(job: Job, *, fraction: float, now: float) -> Job:
    """`fraction` (0 to 1) of the recording has been read and made ready."""
    _require(job, "processing")
    return _next(job, now, stage="prepare", progress=_forward(job, PREPARED_AT * fraction))


def planned(job: Job, *, pieces: int, done: int, now: float) -> Job:
    """The recording is ready and goes to the engine in `pieces`, of which `done` are kept from before."""
    _require(job, "processing")
    return _next(
        job,
        now,
        stage="transcribe",
        pieces_total=pieces,
        pieces_done=done,
        progress=_forward(job, _share(done, pieces)),
    )


def piece_done(job: Job, *, done: int, language: str | None, now: float) -> Job:
    """`done` of the pieces are transcribed; `language` is pinned once it is known.

    Something was achieved, so the attempts count from here: only what gets nowhere is given up.
    """
    _require(job, "processing")
    total = job.pieces_total or done
    return _next(
        job,
        now,
        pieces_done=done,
        attempts=min(job.attempts, 1),
        language=job.language or language,
        progress=_forward(job, _share(done, total)),
    )


def merging(job: Job, *, now: float) -> Job:
    _require(job, "processing")
    return _next(job, now, stage="merge", progress=_forward(job, MERGING_AT))


def wait(job: Job, *, until: float, now: float, attempt_counts: bool) -> Job:
    """Not now: it goes on at `until`. Waiting for quota is no attempt; backing off after an error is one."""
    _require(job, "processing")
    return _next(
        job,
        now,
        status="waiting",
        waiting_until=max(until, now),
        attempts=job.attempts if attempt_counts else max(job.attempts - 1, 0),
    )


def give_back(job: Job, *, now: float) -> Job:
    """The worker shuts down in good order: back to the queue, and not counted as an attempt."""
    _require(job, "processing")
    return _next(job, now, status="waiting", waiting_until=now, attempts=max(job.attempts - 1, 0))


def prolong(job: Job, *, now: float, expires_at: float) -> Job:
    """Its time is up, and it goes on waiting: for its turn, or to have taken in what was posted for it."""
    _require(job, "pending", "queued", "processing", "waiting")
    return _next(job, now, expires_at=expires_at)


def complete(job: Job, *, language: str | None, now: float, expires_at: float) -> Job:
    _require(job, "processing")
    return _next(
        job,
        now,
        status="completed",
        stage=None,
        progress=100.0,
        language=language or job.language,
        pieces_done=job.pieces_total or job.pieces_done,
        completed_at=now,
        expires_at=expires_at,
    )


def fail(job: Job, error: EscribaError, *, now: float, expires_at: float) -> Job:
    _require(job, "pending", "queued", "processing", "waiting")
    told = JobError(
        code=error.code,
        details={name: plain for name, plain in error.details.items() if not isinstance(plain, Sentence)},
        stage=job.stage or "queue",
        retryable=error.retryable,
    )
    return _next(
        job, now, status="failed", error=told, waiting_until=None, completed_at=now, expires_at=expires_at
    )


def interrupt(job: Job, *, now: float, expires_at: float) -> Job:
    """Begun `attempts` times and never ended: something kills it, so it is not begun again."""
    return fail(job, Interrupted(attempts=job.attempts), now=now, expires_at=expires_at)


def cancel(job: Job, *, now: float, expires_at: float) -> Job:
    _require(job, "pending", "queued", "processing", "waiting")
    return _next(job, now, status="cancelled", waiting_until=None, completed_at=now, expires_at=expires_at)


def erase(job: Job, *, now: float, forget_at: float) -> Job:
    """Audio and text are gone; what remains tells that the job was and when it went, until `forget_at`."""
    return _next(job, now, erased_at=now, expires_at=forget_at)


def retry(job: Job, *, now: float, expires_at: float, has_audio: bool) -> Job:
    """A person asks again: the next run, with the options as frozen and the pieces that are kept.

    Raises JobNotRetryable unless it failed or was cancelled.
    """
    if job.status not in {"failed", "cancelled"}:
        raise JobNotRetryable(status=job.status)
    status, stage = ("queued", "queue") if has_audio else ("pending", "upload")
    audio = job.audio if has_audio else None
    return _next_run(job, now, expires_at, status=status, stage=stage, audio=audio)


def submit_again(job: Job, *, audio: Audio | None, now: float, expires_at: float) -> Job:
    """The same request after the job's audio and text are gone: the next run, from its beginning."""
    _require(job, "completed", "failed", "cancelled")
    return _next_run(job, now, expires_at, status="pending", stage="upload", audio=audio, language=None)


def _next_run(job: Job, now: float, expires_at: float, **changes: Any) -> Job:
    return _next(
        job,
        now,
        run=job.run + 1,
        attempts=0,
        progress=0.0,
        pieces_done=0,
        pieces_total=None,
        error=None,
        started_at=None,
        completed_at=None,
        erased_at=None,
        expires_at=expires_at,
        **changes,
    )


def event_of(job: Job, kind: Kind = "state", *, piece: Piece | None = None) -> JobEvent:
    """The event that goes with a commit of `job`."""
    if piece is None:
        return JobEvent(type=kind, seq=job.seq, job=job)
    return JobEvent(
        type="text",
        seq=job.seq,
        job=job,
        index=piece.index,
        start=piece.start,
        end=piece.start + piece.transcript.duration,
        text=piece.transcript.text,
    )


def _require(job: Job, *statuses: str) -> None:
    if job.status not in statuses:
        raise Illegal(f"{job.status} is none of {', '.join(statuses)}")


def _next(job: Job, now: float, **changes: Any) -> Job:
    # A clock that stepped back must not make a job look younger than its last change.
    return job.model_copy(update={**changes, "seq": job.seq + 1, "updated_at": max(now, job.updated_at)})


def _forward(job: Job, progress: float) -> float:
    return round(max(job.progress, progress), 1)


def _share(done: int, total: int) -> float:
    return PREPARED_AT + (MERGING_AT - PREPARED_AT) * done / max(total, 1)
