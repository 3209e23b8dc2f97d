"""Jobs to put into stores: made by the real transitions, at times the tests choose."""

from __future__ import annotations

import uuid

from common.errors import EngineBroken
from common.jobs import state
from common.jobs.events import Kind, make_event
from common.models import Audio, Job, JobEvent, Options, Piece, Segment, Transcript, Word
from common.ports import JobStore
from tests.new_jobs import queued_job

NOW = 1_800_000_000.0
WEEK = 7 * 86_400.0


def new_id() -> str:
    return str(uuid.uuid4())


def sample_job(
    job_id: str | None = None,
    *,
    user_id: str | None = None,
    client: str | None = None,
    size_bytes: int = 12_345,
    now: float = NOW,
) -> Job:
    return queued_job(
        job_id or new_id(),
        options=Options(language="es", prompt="Ñandú, «¿qué?» 日本語"),
        now=now,
        expires_at=now + WEEK,
        audio=Audio(size_bytes=size_bytes, sha256="ab" * 32, filename="grabación ' \" ; --.mp3"),
        user_id=user_id,
        client=client,
    )


def sample_pending_job(job_id: str | None = None, *, now: float = NOW) -> Job:
    return state.accept(job_id or new_id(), options=Options(), now=now, expires_at=now + WEEK)


def cancel(job: Job, *, now: float = NOW) -> Job:
    return state.cancel(job, now=now, expires_at=now + WEEK)


def fail(job: Job, *, now: float = NOW) -> Job:
    return state.fail(job, EngineBroken(status=502, ratio=0.5), now=now, expires_at=now + WEEK)


def sample_suspect(*, now: float = NOW) -> Job:
    """A job in whose run the process has died twice."""
    job = sample_job(now=now)
    for _ in range(2):
        job = state.record_death(state.start(job, now=now), isolated=False, now=now)
    return job


def advance(job: Job, *, now: float = NOW) -> Job:
    return state.prepare(job, share=0.5, now=now)


def sample_piece(text: str = "Hola, ¿qué tal?", *, index: int = 0) -> Piece:
    return Piece(index=index, start=index * 29.5, transcript=sample_transcript(text))


def sample_transcript(text: str = "Hola, ¿qué tal?") -> Transcript:
    return Transcript(
        text=text,
        language="es",
        language_probability=0.1 + 0.2,
        duration=29.5,
        segments=(Segment(id=0, start=0.0, end=1 / 3, text=text, avg_logprob=-0.25),),
        words=(Word(word="Hola", start=0.1, end=0.30000000000000004),),
        warnings=("ñ\x00\u2028",),
    )


async def create(jobs: JobStore, job: Job, **more: object) -> Job:
    await jobs.create(job, make_event(job), **more)  # type: ignore[arg-type]
    return job


async def commit(jobs: JobStore, job: Job, kind: Kind = "state") -> Job:
    await jobs.commit(job, make_event(job, kind))
    return job


def event_of(job: Job, kind: Kind = "state") -> JobEvent:
    return make_event(job, kind)
