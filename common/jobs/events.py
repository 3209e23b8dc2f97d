"""The event that is stored and published with each commit of a job."""

from __future__ import annotations

from typing import Literal

from common.models import Job, JobEvent, Piece

Kind = Literal["state", "progress", "text"]


def make_event(job: Job, kind: Kind = "state", *, piece: Piece | None = None) -> JobEvent:
    """The event that goes with a commit of `job`; with the text of a piece, or of a part of it (progress).

    An address may be a signed one, and events outlive what is deleted: none carries it.
    """
    if job.source_url is not None:
        job = job.model_copy(update={"source_url": None})
    if piece is None:
        return JobEvent(type=kind, seq=job.seq, job=job)
    return JobEvent(
        type="progress" if kind == "progress" else "text",
        seq=job.seq,
        job=job,
        index=piece.index,
        start=piece.start,
        end=piece.start + piece.transcript.duration,
        text=piece.transcript.text,
    )
